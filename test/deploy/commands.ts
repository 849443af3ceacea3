import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { bundle } from '../../lambdas/bundle.ts';
import { replaceMetricMath } from './gaps.ts';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');

export interface Commands {
  environment: Record<string, string>;
  /** Where cdk.out and logs go. */
  directory: string;
}

/** Milliseconds; then the command is ended. */
const patience = 180_000;

/** Runs one of the project's tools to its end; rejects with the end of what it said. */
export async function run(
  { environment, directory }: Commands,
  file: string,
  parameters: string[],
): Promise<string> {
  const child = spawn(join(bin, file), parameters, {
    cwd: root,
    env: {
      PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
      HOME: directory,
      CI: 'true',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGTERM'), patience);
  const log = createWriteStream(join(directory, `${file}.log`), { flags: 'a' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      log.write(text);
    });
  }
  const code = await new Promise((ended) => child.once('close', ended));
  clearTimeout(timer);
  log.end();
  if (code === 0) return output;
  throw new Error(`${file} ${parameters[0]} ended with ${code}:\n${output.slice(-3000)}`);
}

/** Synthesizes into a folder of its own and makes the template fit the emulator. Answers the folder. */
export async function synthesize(
  commands: Commands,
  name: string,
  stack: string,
): Promise<{ cdkOut: string; replaced: string[] }> {
  const cdkOut = join(commands.directory, name);
  await mkdir(cdkOut, { recursive: true });
  const context = ['-c', `name=${stack}`, '-c', 'supabaseUrl=https://example.supabase.co'];
  await run(commands, 'cdk', ['synth', '-q', '-o', cdkOut, ...context]);
  return { cdkOut, replaced: replaceMetricMath(cdkOut, stack) };
}

export const bootstrap = (commands: Commands, cdkOut: string): Promise<string> =>
  run(commands, 'cdk', ['bootstrap', '-a', cdkOut]);

export const deploy = (commands: Commands, cdkOut: string): Promise<string> =>
  run(commands, 'cdk', [
    ...['deploy', '-a', cdkOut, '--all', '--method=direct', '--require-approval', 'never'],
  ]);

export const connect = (commands: Commands, parameters: string[]): Promise<string> =>
  run(commands, 'node', [join(root, 'cli/connect.ts'), ...parameters]);

/** The bundles as they are built, or with a line more at their end: changed code. */
export async function build(change?: string): Promise<void> {
  const files = await bundle();
  if (change === undefined) return;
  for (const file of Object.values(files)) await appendFile(file, `\n// ${change}\n`);
}
