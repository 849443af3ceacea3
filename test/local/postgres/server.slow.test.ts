import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterAll, describe, type TestContext, test } from 'vitest';
import { postgresBinaries } from '../../../local/postgres/binaries.ts';
import { isReachableByAll, prepareDataDirectory } from '../../../local/postgres/data-directory.ts';
import { isAlive, isReady } from '../../../local/postgres/leftover.ts';
import { startPostgres } from '../../../local/postgres/server.ts';
import { until } from '../../support/until.ts';

const nobody = 65534;
const isRoot = process.getuid?.() === 0;

function makeFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'track-archiver-test-'));
  chmodSync(path, 0o755);
  return join(path, 'data');
}

function folder(t: TestContext): string {
  const path = makeFolder();
  t.onTestFinished(() => rm(join(path, '..'), { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

interface Started {
  child: ChildProcess;
  directory: string;
  url: string;
}

async function startInChild(t: TestContext, directory = '', user = ''): Promise<Started> {
  const script = join(import.meta.dirname, 'start.ts');
  const child = spawn(process.execPath, [script, directory, user], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.onTestFinished(async () => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'exit').then(([code]) =>
    assert.fail(`ended with ${code}, not started`),
  );
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  return { child, ...JSON.parse(line) };
}

const serverPid = (directory: string): number =>
  Number(readFileSync(join(directory, 'data/postmaster.pid'), 'utf8').split('\n')[0]);

describe('The PostgreSQL of the local stack', () => {
  /** One folder for the tests that start and end in it; the first of them fills it. */
  const directory = makeFolder();
  afterAll(() => rm(join(directory, '..'), { recursive: true, force: true, maxRetries: 5 }));

  test('listens on 127.0.0.1 alone and keeps its data between starts', async (t) => {
    const first = await startPostgres({ directory });
    const [row] = await query(first.url('postgres'), 'show listen_addresses');
    assert.equal(row?.listen_addresses, '127.0.0.1');
    await query(first.url('postgres'), 'create table kept as select 42 as answer');
    await first.stop();
    const second = await startPostgres({ directory });
    t.onTestFinished(() => second.stop());
    assert.deepEqual(await query(second.url('postgres'), 'table kept'), [{ answer: 42 }]);
  });

  test('wants a password', async (t) => {
    const postgres = await startPostgres({ directory });
    t.onTestFinished(() => postgres.stop());
    const url = new URL(postgres.url('postgres'));
    url.password = 'guessed';
    await assert.rejects(query(url.href, 'select 1'), { code: '28P01' });
  });

  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    test(`ends when the process that started it ends by ${signal}, and starts again`, async (t) => {
      const given = await startInChild(t, directory);
      const pid = serverPid(given.directory);
      given.child.kill(signal);
      await until(() => !isAlive(pid), { what: 'the end of PostgreSQL' });
      const again = await startPostgres({ directory });
      t.onTestFinished(() => again.stop());
      assert.deepEqual(await query(again.url('postgres'), 'table kept'), [{ answer: 42 }]);
    });
  }

  test('ends when its process is killed before it is ready', async () => {
    const script = join(import.meta.dirname, 'start.ts');
    const child = spawn(process.execPath, [script, directory], { cwd: '/', stdio: 'ignore' });
    const pidFile = join(directory, 'data/postmaster.pid');
    await until(() => existsSync(pidFile) && serverPid(directory), { interval: 0 });
    const pid = serverPid(directory);
    child.kill('SIGKILL');
    await until(() => !isAlive(pid), { what: 'the end of PostgreSQL' });
  });

  test('leaves no temporary data behind when its process is killed', async (t) => {
    const given = await startInChild(t);
    given.child.kill('SIGKILL');
    await until(() => !existsSync(given.directory), { what: 'the removal of the data' });
  });

  test('stops a server that was left over in its folder, and starts', async (t) => {
    const first = await startPostgres({ directory });
    await first.stop();
    const { path, user } = prepareDataDirectory(first.directory);
    const port = String(first.port);
    const leftover = spawn(
      join(await postgresBinaries(), 'bin', 'postgres'),
      ['-D', join(path, 'data'), '-p', port, '-c', 'unix_socket_directories='],
      { cwd: '/', stdio: 'ignore', ...user },
    );
    const ended = once(leftover, 'exit');
    await until(() => isReady(join(path, 'data')), { what: 'the leftover to be ready' });
    const second = await startPostgres({ directory });
    t.onTestFinished(() => second.stop());
    await ended;
    assert.equal((await query(second.url('postgres'), 'select 1 as one')).length, 1);
  });

  test('does not touch a process that merely has the number of a stale pid file', async (t) => {
    const first = await startPostgres({ directory });
    await first.stop();
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    t.onTestFinished(() => void bystander.kill());
    writeFileSync(join(first.directory, 'data/postmaster.pid'), `${bystander.pid}\n`);
    const second = await startPostgres({ directory });
    t.onTestFinished(() => second.stop());
    assert.equal(bystander.exitCode, null);
    assert.equal(bystander.signalCode, null);
  });

  test('refuses a folder that a living process uses', async (t) => {
    const given = await startInChild(t, directory);
    await assert.rejects(startPostgres({ directory }), {
      message: new RegExp(`in use by process ${given.child.pid}`),
    });
    assert.equal((await query(given.url, 'select 1 as one')).length, 1);
  });

  test('works below a folder that nobody else may enter', async (t) => {
    const closed = folder(t);
    chmodSync(join(closed, '..'), 0o700);
    const postgres = await startPostgres({ directory: closed });
    t.onTestFinished(() => rm(postgres.directory, { recursive: true, force: true, maxRetries: 5 }));
    t.onTestFinished(() => postgres.stop());
    assert.equal((await query(postgres.url('postgres'), 'select 1 as one')).length, 1);
  });

  test('works for an ordinary user', async (t) => {
    const own = folder(t);
    // Where root's project is closed to everybody else, no other user can run it at all.
    const other = isRoot && isReachableByAll(import.meta.dirname) ? nobody : undefined;
    if (other !== undefined) chownSync(join(own, '..'), other, other);
    const given = await startInChild(t, own, other === undefined ? '' : String(other));
    assert.equal(given.directory, own);
    assert.equal((await query(given.url, 'select 1 as one')).length, 1);
    given.child.stdin?.end();
    await once(given.child, 'exit');
  });
});
