import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Gateway, GatewayOptions } from './gateway.ts';

export interface GatewayProcess extends Pick<Gateway, 'url' | 'keys'> {
  /** Kills the process, whatever it is doing, and starts another on the same port and folder. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewayProcessOptions extends GatewayOptions {
  /** Keeps the legacy keys the same from one process to the next. */
  jwtSecret: string;
  /** Lines of stderr. */
  onLog: (line: string) => void;
}

type Started = Pick<Gateway, 'url' | 'keys'>;

/** The gateway in a process of its own, so that it can die at any moment. The legacy keys outlive it. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { onLog, ...given } = options;
  let child: ChildProcess;

  async function start(port: number | undefined): Promise<Started> {
    child = fork(join(import.meta.dirname, 'gateway-child.ts'), [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', onLog);
    const started = once(child, 'message');
    const ended = once(child, 'exit').then(() => {
      throw new Error('The gateway process ended before it was ready.');
    });
    // Once it has started, its end is nobody's error.
    ended.catch(() => {});
    child.send({ ...given, ...(port === undefined ? {} : { port }) });
    const [message] = await Promise.race([started, ended]);
    return message as Started;
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  const { url, keys } = await start(options.port);
  return {
    url,
    keys,
    crash: async () => {
      await kill();
      await start(Number(new URL(url).port));
    },
    stop: kill,
  };
}
