/**
 * Loaded into every test process by vitest.config.ts: keeps what Lambdas and commands write, as children or
 * in this process, in a folder, for leaks.ts to look through after the run. It listens where Node
 * makes child processes, so that no test can forget to take part.
 */
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Where it goes; unset where a test file is run by itself. */
const directory = process.env.TEST_LOGS;
export const isCapturing = directory !== undefined;

/** Parameters for a child Node that runs Lambdas of its own and does not show what they write. */
export const capturing = isCapturing ? ['--import', import.meta.url] : [];

export interface Captured {
  /** A Lambda's name, a command's file, `handler` for a Lambda's handler in the test's own process, or `test`. */
  source: string;
  /** Texts of one stream belong together. */
  stream: number;
  text: string;
}

function keep(kind: 'output' | 'secrets', value: object): void {
  if (directory === undefined) return;
  appendFileSync(join(directory, `${process.pid}.${kind}`), `${JSON.stringify(value)}\n`);
}

/** Values that no line may hold, besides those that show by their form that they are secret. */
export const rememberSecrets = (...values: string[]): void => keep('secrets', values);

let streams = 0;

function recorder(source: string): (text: string) => void {
  const stream = streams++;
  return (text) => keep('output', { source, stream, text } satisfies Captured);
}

/** Undefined for what is not ours: databases, bundlers, linters. */
function nameOf(child: ChildProcess): string | undefined {
  const [, ...parameters] = child.spawnargs ?? [];
  const script = parameters.findIndex(
    (parameter) => /\.[cm]?[jt]s$/.test(parameter) && parameter !== import.meta.url,
  );
  const file = parameters[script];
  if (file === undefined) return undefined;
  const bundle = parameters[script + 1] ?? '';
  const isLambda = file.endsWith('runtime.mjs') && bundle.endsWith('index.mjs');
  return basename(isLambda ? dirname(bundle) : file);
}

/** Reads along without making the stream flow. */
function listen(stream: Readable | null, record: (text: string) => void): void {
  if (stream === null) return;
  const decoder = new StringDecoder();
  const push = stream.push.bind(stream);
  stream.push = (chunk, encoding) => {
    if (chunk instanceof Buffer) record(decoder.write(chunk));
    return push(chunk, encoding);
  };
}

function follow(child: ChildProcess): void {
  const source = nameOf(child);
  if (source === undefined) return;
  listen(child.stdout, recorder(source));
  listen(child.stderr, recorder(source));
  // What Lambda itself would log of a handler that threw.
  const failed = recorder(source);
  child.on('message', (message) => {
    const outcome = typeof message === 'object' && 'outcome' in message ? message.outcome : {};
    if ('errorType' in Object(outcome)) failed(`${JSON.stringify(outcome)}\n`);
  });
}

/** The log of a handler in this process is taken out of the test's own output. */
function captureOwn(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean;
  const own = basename(process.argv[1] ?? '');
  const ofHandler = recorder('handler');
  // A test process runs Vitest's own file.
  const ofProcess = recorder(own === 'forks.js' ? 'test' : own);
  stream.write = (...[chunk, ...rest]: unknown[]) => {
    if (typeof chunk !== 'string') return write(chunk, ...rest);
    if (!chunk.startsWith('{"level":')) {
      ofProcess(chunk);
      return write(chunk, ...rest);
    }
    ofHandler(chunk);
    const written = rest.find((parameter) => typeof parameter === 'function');
    if (written !== undefined) queueMicrotask(() => written());
    return true;
  };
}

if (isCapturing) {
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess };
    // It is announced before it is spawned.
    queueMicrotask(() => follow(child));
  });
  captureOwn(process.stdout);
  captureOwn(process.stderr);
}
