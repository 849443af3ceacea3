import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { until } from './until.ts';

/** A server of another's that a test started, on loopback. */
export interface Server {
  url: string;
  /** Rejects where it ends before it is stopped; what waits for it waits in vain. */
  died: Promise<never>;
  stop(): Promise<void>;
}

export interface ServerCommand {
  name: string;
  file: string;
  parameters: string[];
  environment: Record<string, string>;
  port: number;
  /** Answers with 200 once it is ready. */
  health: string;
  /** Milliseconds in which it has to be. */
  timeout: number;
  /** What ends it; SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
}

/** Starts it with `directory` as its home and for its log; resolves once it is ready. It ends with this process. */
export async function startServer(directory: string, command: ServerCommand): Promise<Server> {
  const { name, file, parameters, environment, port, health, timeout, stopSignal } = command;
  const log = join(directory, `${name}.log`);
  const output = openSync(log, 'w');
  const server = spawn(file, parameters, {
    cwd: directory,
    stdio: ['ignore', output, output],
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, ...environment },
  });
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  let isStopping = false;
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  const died = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code, signal) => {
      const lastWords = readFileSync(log, 'utf8').slice(-2000);
      if (!isStopping) reject(new Error(`${name} ended with ${code ?? signal}:\n${lastWords}`));
    });
  });
  // Nobody listens before it is handed over.
  died.catch(() => {});
  const stop = async () => {
    isStopping = true;
    server.kill(stopSignal ?? 'SIGTERM');
    const patience = setTimeout(kill, 5000);
    await ended;
    clearTimeout(patience);
    process.off('exit', kill);
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    const ready = until(async () => (await fetch(url + health)).ok, {
      timeout,
      interval: 100,
      what: `${name} being ready`,
    });
    await Promise.race([ready, died]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, died, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
