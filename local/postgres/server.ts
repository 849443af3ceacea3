import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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
  stop(): Promise<void>;
}

const passwordFile = (directory: string): string => join(directory, 'track-archiver.password');
const logFile = (directory: string): string => join(directory, 'server.log');
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

/** Makes a cluster with one superuser, `supabase_admin`, as on Supabase; locale and collation do not depend on the machine. */
async function initialise(binaries: string, data: DataDirectory): Promise<void> {
  const password = passwordFile(data.path);
  // initdb insists on an empty folder, so the password waits beside it.
  const waiting = `${data.path}.password`;
  writeFileSync(waiting, randomBytes(18).toString('base64url'), { mode: 0o600 });
  if (data.user !== undefined) chownSync(waiting, data.user.uid, data.user.gid);
  try {
    await promisify(execFile)(
      join(binaries, 'bin', 'initdb'),
      ['-D', data.path, '-U', 'supabase_admin', '--auth=scram-sha-256', `--pwfile=${waiting}`]
        .concat(['--encoding=UTF8', '--locale=C', '--locale-provider=builtin'])
        .concat(['--builtin-locale=C.UTF-8', '--no-sync', '--no-instructions']),
      { cwd: '/', env: environment, ...data.user },
    );
    writeFileSync(password, readFileSync(waiting), { mode: 0o600 });
  } finally {
    await rm(waiting, { force: true });
  }
}

/** Without fsync a power cut can damage the data; a crash of PostgreSQL or of Node cannot. */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'timezone=UTC',
  'jit=off',
].flatMap((setting) => ['-c', setting]);

function spawnServer(binaries: string, data: DataDirectory, port: number): ChildProcess {
  const log = openSync(logFile(data.path), 'w', 0o600);
  const server = spawn(
    join(binaries, 'bin', 'postgres'),
    ['-D', data.path, '-p', String(port), ...settings],
    // A session of its own: Ctrl-C in a terminal must not end the database before its users.
    { cwd: '/', env: environment, detached: true, stdio: ['ignore', log, log], ...data.user },
  );
  closeSync(log);
  server.unref();
  return server;
}

/** Resolves to the server once it accepts connections, or to undefined where the port was taken meanwhile. */
async function tryStart(binaries: string, data: DataDirectory, port: number) {
  const server = spawnServer(binaries, data, port);
  let failure: Error | undefined;
  server.once('error', (error) => {
    failure = error;
  });
  for (let tries = 0; tries < 3000; tries += 1) {
    if (failure !== undefined) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) {
      const log = readFileSync(logFile(data.path), 'utf8');
      if (log.includes('could not bind')) return undefined;
      throw new Error(`PostgreSQL did not start:\n${log}`);
    }
    if (isReady(data.path)) return server;
    await delay(10);
  }
  server.kill('SIGKILL');
  throw new Error('PostgreSQL was not ready after 30 seconds.');
}

/**
 * Starts a real PostgreSQL on 127.0.0.1 and a free port, with Supabase's roles. Without a directory the
 * data is temporary. It ends with `stop()`, or when this process ends in whatever way; a server that
 * outlived a killed process is stopped first. Works for root and for ordinary users.
 */
export async function startPostgres(options: { directory?: string } = {}): Promise<Postgres> {
  const data = prepareDataDirectory(options.directory);
  const binaries = await postgresBinaries();
  await endLeftover(data.path);
  await rm(join(data.path, 'postmaster.pid'), { force: true });
  if (!existsSync(passwordFile(data.path))) await initialise(binaries, data);
  writeFileSync(ownerFile(data.path), `${process.pid}\n`);
  for (let tries = 0; tries < 5; tries += 1) {
    const port = await freePort();
    const server = await tryStart(binaries, data, port);
    const pid = server?.pid;
    if (server === undefined || pid === undefined) continue;
    const release = watchParent(pid, data.temporary ? data.path : undefined);
    const stop = async () => {
      await endServer(pid);
      release();
      if (data.temporary) await rm(data.path, { recursive: true, force: true });
    };
    const cluster = clusterAt(port, readFileSync(passwordFile(data.path), 'utf8').trim());
    try {
      await createRoles(cluster);
    } catch (error) {
      await stop();
      throw error;
    }
    return { ...cluster, directory: data.path, port, stop };
  }
  throw new Error('No free port for PostgreSQL was found in five tries.');
}
