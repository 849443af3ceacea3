import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (process.platform === 'win32') return 'postgres';
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function read(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** The file that names the Node process which started the server. */
export const ownerFile = (directory: string): string => join(directory, 'owner.pid');

/** True once PostgreSQL has written `ready` into line 8 of its pid file, which is what `pg_ctl` waits for. */
export const isReady = (data: string): boolean =>
  read(join(data, 'postmaster.pid'))[7]?.trim() === 'ready';

/** The process id of a PostgreSQL that still runs on this data directory; line 1 of a stale file may name anybody. */
function runningServer(data: string): number | undefined {
  const pid = Number(read(join(data, 'postmaster.pid'))[0]);
  if (!(pid > 1) || !isAlive(pid)) return undefined;
  const command = commandLine(pid);
  return command.includes('postgres') && command.includes(data) ? pid : undefined;
}

const shutdowns = [
  ['SIGINT', 500],
  ['SIGQUIT', 250],
  ['SIGKILL', 250],
] as const;

/** Asks for a fast shutdown and, ten seconds later, for an immediate one; or for that one at first. */
export async function endServer(pid: number, first: 'SIGINT' | 'SIGQUIT' = 'SIGINT') {
  for (const [signal, tries] of shutdowns.slice(first === 'SIGINT' ? 0 : 1)) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (let attempt = 0; attempt < tries; attempt += 1) {
      // A zombie that nobody has collected yet has no command line any more.
      if (!isAlive(pid) || commandLine(pid) === '') return;
      await delay(20);
    }
  }
}

/**
 * After a SIGKILL of Node the server may have lived on. It is stopped here, unless the process that
 * started it is alive too: then the directory is in use.
 */
export async function endLeftover(directory: string, data: string): Promise<void> {
  const server = runningServer(data);
  if (server === undefined) return;
  const owner = Number(read(ownerFile(directory))[0]);
  if (owner > 1 && owner !== process.pid && isAlive(owner)) {
    throw new Error(`${directory} is in use by process ${owner}. End it first.`);
  }
  await endServer(server);
}
