import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { until } from '../support/until.ts';
import { serverEnvironment } from './gaps.ts';

export interface Emulator {
  url: string;
  /** What AWS's tools and clients need to speak to it. */
  environment: Record<string, string>;
  /** Rejects where it ends before it is stopped; what waits for it waits in vain. */
  died: Promise<never>;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');

/** An access key of its own for each run: the CDK remembers which account a key belongs to. */
const access = (url: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: `test${randomBytes(6).toString('hex')}`,
  AWS_SECRET_ACCESS_KEY: 'test',
});

/** The one at AWS_ENDPOINT_URL, or a MiniStack of our own; undefined where there is neither. */
export async function findEmulator(directory: string): Promise<Emulator | undefined> {
  const given = process.env.AWS_ENDPOINT_URL;
  if (given !== undefined) {
    const url = given.replace(/\/$/, '');
    return { url, environment: access(url), died: new Promise(() => {}), stop: async () => {} };
  }
  const python = findPython();
  return python === undefined ? undefined : startMiniStack(python, directory);
}

/** A Python that has MiniStack and uvicorn: of our virtual environment, or beside `ministack` on the PATH. */
function findPython(): string | undefined {
  const folders = [
    join(root, '.local/ministack-venv/bin'),
    ...(process.env.PATH ?? '')
      .split(delimiter)
      .filter((each) => existsSync(join(each, 'ministack'))),
  ];
  return folders
    .map((folder) => join(folder, 'python'))
    .filter((file) => existsSync(file))
    .find((file) => spawnSync(file, ['-c', 'import ministack.app, uvicorn']).status === 0);
}

async function startMiniStack(python: string, directory: string): Promise<Emulator> {
  const port = await freePort();
  const log = openSync(join(directory, 'ministack.log'), 'w');
  const server = spawn(
    python,
    ['-m', 'uvicorn', 'ministack.app:app', '--host', '127.0.0.1', '--port', String(port)],
    {
      cwd: directory,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        TMPDIR: directory,
        ...serverEnvironment(port),
      },
    },
  );
  let isStopping = false;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const died = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code, signal) => {
      if (!isStopping)
        reject(new Error(`MiniStack ended with ${code ?? signal}, see ministack.log`));
    });
  });
  // Nobody listens before it is handed over.
  died.catch(() => {});
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    isStopping = true;
    if (server.exitCode === null) server.kill('SIGTERM');
    const patience = setTimeout(() => server.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(patience);
  };
  try {
    const ready = until(async () => (await fetch(`${url}/_ministack/health`)).ok, {
      timeout: 30_000,
      interval: 100,
      what: 'MiniStack being ready',
    });
    await Promise.race([ready, died]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, environment: access(url), died, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
