import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { postgresBinaries } from './binaries.ts';
import { type Cluster, clusterAt } from './cluster.ts';
import { type DataDirectory, prepareDataDirectory } from './data-directory.ts';
import { createRoles } from './database.ts';
import { endLeftover, endServer, isReady, ownerFile } from './leftover.ts';
import { watchParent } from './watchdog.ts';

export interface Postgres extends Cluster {
  /** Where the data is; not always the folder asked for (see `prepareDataDirectory`). */
  directory: string;
  port: number;
  /** Ends the server at once, as a crash would, and starts it again on the same port; it recovers from its log. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** What a folder of ours holds: `data` is PostgreSQL's own. */
const inside = (directory: string) => ({
  data: join(directory, 'data'),
  unfinished: join(directory, 'data.unfinished'),
  password: join(directory, 'password'),
  log: join(directory, 'server.log'),
});
const environment = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '' };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', ready);
  });
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}

const run = promisify(execFile);

/** UTF-8, in the order of bytes. PostgreSQL brings it itself from 17 on; before, it is the machine's. */
async function localeOptions(initdb: string): Promise<string[]> {
  const { stdout } = await run(initdb, ['--version']);
  return Number(/\d+/.exec(stdout)?.[0]) >= 17
    ? ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    : ['--locale=C', '--lc-ctype=C.UTF-8'];
}

/** Makes a cluster with one superuser, `supabase_admin`, as on Supabase; locale and collation do not depend on the machine. */
async function initialise(binaries: string, { path, user }: DataDirectory): Promise<void> {
  const { data, unfinished, password } = inside(path);
  await rm(unfinished, { recursive: true, force: true });
  writeFileSync(password, randomBytes(18).toString('base64url'), { mode: 0o600 });
  if (user !== undefined) chownSync(password, user.uid, user.gid);
  const initdb = join(binaries, 'bin', 'initdb');
  await run(
    initdb,
    ['-D', unfinished, '-U', 'supabase_admin', '--auth=scram-sha-256', `--pwfile=${password}`]
      .concat(['--encoding=UTF8', ...(await localeOptions(initdb))])
      .concat(['--no-sync', '--no-instructions']),
    { cwd: '/', env: environment, ...user },
  );
  await rename(unfinished, data);
}

/** Without fsync a power cut can damage the data; a crash of PostgreSQL or of Node cannot, and loses no commit. */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'fsync=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'timezone=UTC',
  'jit=off',
].flatMap((setting) => ['-c', setting]);

function spawnServer(
  binaries: string,
  directory: DataDirectory,
  port: number,
  given: readonly string[],
): ChildProcess {
  const { data, log: logFile } = inside(directory.path);
  const log = openSync(logFile, 'w', 0o600);
  const server = spawn(
    join(binaries, 'bin', 'postgres'),
    ['-D', data, '-p', String(port), ...settings, ...given],
    // A session of its own: Ctrl-C in a terminal must not end the database before its users.
    { cwd: '/', env: environment, detached: true, stdio: ['ignore', log, log], ...directory.user },
  );
  closeSync(log);
  server.unref();
  return server;
}

/** Resolves to the server once it accepts connections, or to undefined where the port was taken meanwhile. */
async function tryStart(
  binaries: string,
  directory: DataDirectory,
  port: number,
  given: readonly string[],
) {
  const { data, log: logFile } = inside(directory.path);
  const server = spawnServer(binaries, directory, port, given);
  let failure: Error | undefined;
  server.once('error', (error) => {
    failure = error;
  });
  for (let tries = 0; tries < 6000; tries += 1) {
    if (failure !== undefined) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) {
      const log = readFileSync(logFile, 'utf8');
      if (log.includes('could not bind')) return undefined;
      throw new Error(`PostgreSQL did not start:\n${log}`);
    }
    if (isReady(data)) return server.pid;
    await delay(10);
  }
  server.kill('SIGKILL');
  throw new Error('PostgreSQL was not ready after a minute.');
}

async function startOnFreePort(
  binaries: string,
  directory: DataDirectory,
  given: readonly string[],
) {
  for (let tries = 0; tries < 5; tries += 1) {
    const port = await freePort();
    const pid = await tryStart(binaries, directory, port, given);
    if (pid !== undefined) return { port, pid };
  }
  throw new Error('No free port for PostgreSQL was found in five tries.');
}

/**
 * Starts a real PostgreSQL on 127.0.0.1 and a free port, with Supabase's roles. Without a directory the
 * data is temporary. It ends with `stop()`, or when this process ends in whatever way; a server that
 * outlived a killed process is stopped first. Works for root and for ordinary users. `settings` of PostgreSQL
 * take the place of ours.
 */
export async function startPostgres(
  options: { directory?: string; settings?: Record<string, string> } = {},
): Promise<Postgres> {
  const binaries = await postgresBinaries();
  const directory = prepareDataDirectory(options.directory);
  const { path, temporary } = directory;
  const { data, password } = inside(path);
  const given = Object.entries(options.settings ?? {}).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  await endLeftover(path, data);
  await rm(join(data, 'postmaster.pid'), { force: true });
  writeFileSync(ownerFile(path), `${process.pid}\n`);
  const watchdog = watchParent(join(data, 'postmaster.pid'), temporary ? path : undefined);
  if (!existsSync(data)) await initialise(binaries, directory);
  const { port, ...first } = await startOnFreePort(binaries, directory, given);
  let { pid } = first;
  const crash = async () => {
    await endServer(pid, 'SIGQUIT');
    await rm(join(data, 'postmaster.pid'), { force: true });
    const next = await tryStart(binaries, directory, port, given);
    if (next === undefined) throw new Error(`Port ${port} was taken while PostgreSQL was down.`);
    pid = next;
  };
  const stop = async () => {
    await endServer(pid);
    if (temporary) await rm(path, { recursive: true, force: true, maxRetries: 10 });
    watchdog.release();
  };
  const cluster = clusterAt(port, readFileSync(password, 'utf8').trim());
  try {
    await createRoles(cluster);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...cluster, directory: path, port, crash, stop };
}
