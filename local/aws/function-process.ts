import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Failure {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

interface FromRuntime extends Partial<Failure> {
  type: 'ready' | 'result' | 'error' | 'crash' | 'memory';
  body?: string;
  rss?: number;
}

export interface Invocation {
  id: string;
  traceId: string;
  arn: string;
  event: unknown;
  offset: number;
  timeoutMilliseconds: number;
}

/** How an invocation ended: the handler's answer as JSON text, or why there is none. */
export type Outcome = { body: string } | { failure: Failure };

const shim = join(import.meta.dirname, 'runtime.mjs');

/** One execution environment: a process that serves one invocation at a time until it is killed. */
export class FunctionProcess {
  readonly exited: Promise<void>;
  /** Highest resident memory seen, in bytes. */
  peak = 0;
  alive = true;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  #settle: ((outcome: Outcome) => void) | undefined;
  #lastFailure: Failure | undefined;

  constructor(options: {
    bundle: string;
    environment: Record<string, string>;
    memoryMegabytes: number;
    offset: number;
    onLog: (line: string) => void;
  }) {
    const { memoryMegabytes, onLog } = options;
    /** Lambda's Node.js runtime sizes V8's heap by the function's memory. */
    const heap = `--max-old-space-size=${Math.floor(memoryMegabytes * 0.9)}`;
    const child = spawn(process.execPath, [heap, shim, options.bundle, String(options.offset)], {
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', onLog);
    }
    this.#ready = new Promise((resolve) => {
      child.on('message', (message: FromRuntime) => {
        if (message.type === 'ready') resolve();
        else if (message.type === 'memory') this.#limit(message.rss ?? 0, memoryMegabytes);
        else this.#report(message);
      });
    });
    const watch = setInterval(() => this.#measure(memoryMegabytes), 100).unref();
    this.exited = new Promise((resolve) => {
      const end = (reason: string) => {
        clearInterval(watch);
        this.alive = false;
        this.#end({
          failure: this.#lastFailure ?? {
            errorType: 'Runtime.ExitError',
            errorMessage: `Runtime exited ${reason}`,
          },
        });
        resolve();
      };
      child.on('error', (error) => end(`with error: ${error.message}`));
      child.on('close', (code, signal) =>
        end(
          signal !== null
            ? `with error: signal: ${signalNames[signal] ?? signal}`
            : code === 0
              ? 'without providing a reason'
              : `with error: exit status ${code}`,
        ),
      );
    });
  }

  /** Never rejects. The process is killed when the time is over. */
  async invoke(invocation: Invocation): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve) => {
      this.#settle = resolve;
    });
    const timeout = setTimeout(() => {
      const seconds = (invocation.timeoutMilliseconds / 1000).toFixed(2);
      this.#lastFailure = {
        errorType: 'Sandbox.Timedout',
        errorMessage: `Task timed out after ${seconds} seconds`,
      };
      this.kill();
    }, invocation.timeoutMilliseconds);
    await Promise.race([this.#ready, this.exited]);
    this.tell({ type: 'invoke', ...invocation });
    return outcome.finally(() => clearTimeout(timeout));
  }

  /** Sends a message to the runtime; a process that has ended does not hear it. */
  tell(message: { type: 'invoke' | 'offset'; offset: number }): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  kill(): void {
    this.alive = false;
    this.#child.kill('SIGKILL');
  }

  #report({ type, body, errorType, errorMessage, trace }: FromRuntime): void {
    if (type === 'result') {
      this.#end({ body: body ?? 'null' });
      return;
    }
    const failure = {
      errorType: errorType ?? 'Error',
      errorMessage: errorMessage ?? '',
      trace: trace ?? [],
    };
    if (type === 'crash') {
      this.alive = false;
      this.#lastFailure = failure;
    }
    this.#end({ failure });
  }

  #end(outcome: Outcome): void {
    this.#settle?.(outcome);
    this.#settle = undefined;
  }

  /** Linux tells without the process's help, which may be busy. */
  async #measure(limit: number): Promise<void> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8').catch(() => '');
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
    if (kilobytes !== undefined) this.#limit(Number(kilobytes) * 1024, limit);
  }

  #limit(rss: number, megabytes: number): void {
    this.peak = Math.max(this.peak, rss);
    if (rss > megabytes * 1024 * 1024) this.kill();
  }
}

const signalNames: Partial<Record<string, string>> = { SIGKILL: 'killed', SIGABRT: 'aborted' };
