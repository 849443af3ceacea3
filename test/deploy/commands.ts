import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { bundle } from '../../lambdas/bundle.ts';
import { replaceMetricMath } from './gaps.ts';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');
const cdk = join(bin, 'cdk');

export interface Commands {
  environment: Record<string, string>;
  /** Where cdk.out and logs go. */
  directory: string;
}

/** Milliseconds; then the command is ended. */
const patience = 180_000;

/** Runs one of the project's tools to its end; rejects with the end of what it said. */
async function run(
  { environment, directory }: Commands,
  file: string,
  parameters: string[],
): Promise<string> {
  const name = basename(file);
  const child = spawn(file, parameters, {
    cwd: root,
    env: {
      PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
      HOME: directory,
      CI: 'true',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGTERM');
  }, patience);
  const log = createWriteStream(join(directory, `${name}.log`), { flags: 'a' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      log.write(text);
    });
  }
  try {
    const code = await new Promise((ended, failed) => {
      child.once('close', ended);
      child.once('error', failed);
    });
    if (code === 0) return output;
    const how = isLate ? `was ended after ${patience / 1000} s` : `ended with ${code}`;
    throw new Error(`${name} ${parameters[0]} ${how}:\n${output.slice(-3000)}`);
  } finally {
    clearTimeout(timer);
    log.end();
  }
}

/** Synthesizes into a folder of its own and makes the template fit the emulator. Returns the folder. */
export async function synthesize(
  commands: Commands,
  name: string,
  stack: string,
): Promise<{ cdkOut: string; replaced: string[] }> {
  const cdkOut = join(commands.directory, name);
  await mkdir(cdkOut, { recursive: true });
  const context = ['-c', `name=${stack}`, '-c', 'supabaseUrl=https://example.supabase.co'];
  await run(commands, cdk, ['synth', '-q', '-o', cdkOut, ...context]);
  return { cdkOut, replaced: replaceMetricMath(cdkOut, stack) };
}

export const bootstrap = (commands: Commands, cdkOut: string): Promise<string> =>
  run(commands, cdk, ['bootstrap', '-a', cdkOut]);

export const deploy = (commands: Commands, cdkOut: string): Promise<string> =>
  run(commands, cdk, [
    ...['deploy', '-a', cdkOut, '--all', '--method=direct', '--require-approval', 'never'],
  ]);

export const connect = (commands: Commands, parameters: string[]): Promise<string> =>
  run(commands, process.execPath, [join(root, 'cli/connect.ts'), ...parameters]);

/** The bundles as they are built, or with a line more at their end: changed code. */
export async function build(change?: string): Promise<void> {
  const files = await bundle();
  if (change === undefined) return;
  for (const file of Object.values(files)) await appendFile(file, `\n// ${change}\n`);
}
