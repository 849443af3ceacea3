/** A process of its own that runs PostgreSQL in the folder `argv[2]` (or a temporary one), as user `argv[3]`. */
import { startPostgres } from '../../../local/postgres/server.ts';

const [, , directory, user] = process.argv;
if (user) {
  process.setgroups?.([Number(user)]);
  process.setgid?.(Number(user));
  process.setuid?.(Number(user));
}
const postgres = await startPostgres(directory ? { directory } : {});
console.log(JSON.stringify({ directory: postgres.directory, url: postgres.url('postgres') }));
process.stdin.resume().on('end', () => process.exit());
