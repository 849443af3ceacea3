import { fork } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How an invocation ended: with the handler's result as JSON text, or with what Lambda says instead. */
export type Outcome =
  | { body: string }
  | { errorType: string; errorMessage: string; trace?: string[] };

/** What runtime.mjs sends. */
type FromRuntime =
  | { type: 'memory'; rss: number }
  | { type: 'outcome'; outcome: Outcome; last: boolean };

export interface Invocation {
  id: string;
  traceId: string;
  arn: string;
  event: unknown;
  offset: number;
  timeoutMilliseconds: number;
}

export type FunctionProcess = ReturnType<typeof startFunctionProcess>;

/** One execution environment: a process that serves one invocation at a time until it is killed. */
export function startFunctionProcess(options: {
  bundle: string;
  environment: Record<string, string>;
  memoryMegabytes: number;
  offset: number;
  onLog: (line: string) => void;
}) {
  const { bundle, environment, memoryMegabytes, offset, onLog } = options;
  const child = fork(join(import.meta.dirname, 'runtime.mjs'), [bundle, String(offset)], {
    env: environment,
    // Lambda's Node.js runtime sizes V8's heap by the function's memory.
    execArgv: [`--max-old-space-size=${Math.floor(memoryMegabytes * 0.9)}`],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', onLog);
  }
  let alive = true;
  let peak = 0;
  let settle: ((outcome: Outcome) => void) | undefined;
  /** Why the process ends, where it did not just exit. */
  let cause: Outcome | undefined;

  function finish(outcome: Outcome): void {
    settle?.(outcome);
    settle = undefined;
  }
  function kill(): void {
    alive = false;
    child.kill('SIGKILL');
  }
  /** What the process no longer hears is lost. */
  const send = (message: object) => child.connected && child.send(message, () => {});

  child.on('message', (message: FromRuntime) => {
    if (message.type === 'outcome') {
      if (message.last) alive = false;
      cause = message.last ? message.outcome : cause;
      finish(message.outcome);
      return;
    }
    peak = Math.max(peak, message.rss);
    if (peak > memoryMegabytes * 1024 * 1024) kill();
  });
  const exited = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: string | null) => {
      alive = false;
      const reason = signal === 'SIGKILL' ? 'signal: killed' : `exit status ${signal ?? code}`;
      const errorMessage = `Runtime exited with error: ${reason}`;
      finish(cause ?? { errorType: 'Runtime.ExitError', errorMessage });
      resolve();
    };
    child.on('close', end).on('error', () => end(1, null));
  });

  return {
    /** The outcome; never rejects. The process is killed when the time is over. */
    async invoke(invocation: Invocation): Promise<Outcome> {
      const outcome = new Promise<Outcome>((resolve) => {
        settle = resolve;
      });
      const seconds = (invocation.timeoutMilliseconds / 1000).toFixed(2);
      const timeout = setTimeout(() => {
        const errorMessage = `Task timed out after ${seconds} seconds`;
        cause = { errorType: 'Sandbox.Timedout', errorMessage };
        kill();
      }, invocation.timeoutMilliseconds);
      send(invocation);
      return outcome.finally(() => clearTimeout(timeout));
    },
    /** Sends the clock's offset. */
    shift: (changed: number) => void send({ offset: changed }),
    kill,
    alive: () => alive,
    busy: () => settle !== undefined,
    /** Highest resident memory that was seen, in bytes. */
    peak: () => peak,
    exited,
  };
}
