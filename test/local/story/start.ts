import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { capturing } from '../../support/capture.ts';

export interface Event {
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: each event's shape is the test's own knowledge.
  [name: string]: any;
}

export interface Run {
  child: ChildProcess;
  /** Lines of stdout so far. */
  lines: string[];
  stderr: string;
  /** Resolves to the exit code; null where a signal ended the process. */
  exit: Promise<number | null>;
  events(): Event[];
}

/** Runs `local/start.ts` as `npm start` does, without the machine's own SUPABASE_URL and AWS_ENDPOINT_URL. */
export function start(args: string[], environment: Record<string, string> = {}): Run {
  const { SUPABASE_URL: _url, AWS_ENDPOINT_URL: _endpoint, ...inherited } = process.env;
  const file = new URL('../../../local/start.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [...capturing, file, ...args], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run: Run = {
    child,
    lines: [],
    stderr: '',
    exit: new Promise((resolve) => child.once('close', resolve)),
    events: () => run.lines.map((line) => JSON.parse(line)),
  };
  createInterface({ input: child.stdout }).on('line', (line) => run.lines.push(line));
  child.stderr.setEncoding('utf8').on('data', (text) => {
    run.stderr += text;
  });
  return run;
}
