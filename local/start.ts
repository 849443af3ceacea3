import { ConfigurationError } from '../core/environment.ts';
import { type Given, limitationsOf, parseGiven } from './stack/given.ts';
import { startStack } from './stack.ts';
import { addressesOf } from './story/addresses.ts';
import { checkExpectations } from './story/expectations.ts';
import { parseOptions, type StoryOptions, UsageError } from './story/options.ts';
import { archiveOwnTrack } from './story/own-track.ts';
import { playFifteenDays } from './story/play.ts';
import { jsonReporter, lineReporter, type Reporter } from './story/report.ts';
import { tableReporter } from './story/table.ts';

/** As a shell reports the end by SIGINT. */
const interruptedCode = 130;

/** `npm start`: starts the stack, plays the story, and stays up for looking around. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv);
  const given = parseGiven(process.env);
  if (limitationsOf(given).length > 0 && options.own === undefined && options.once) {
    throw new UsageError(
      'a Supabase or AWS that is given cannot skip days: use --audio, or leave out --once',
    );
  }
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => resolve('interrupted'));
    }
    // The reader of a pipe has gone away.
    process.stdout.on('error', () => resolve('interrupted'));
  });
  const running = run(options, given, interrupted);
  // What breaks once everything is being ended is no news.
  running.catch(() => {});
  return (await Promise.race([interrupted, running])) === 'interrupted'
    ? await running.catch(() => interruptedCode)
    : await running;
}

async function run(
  options: StoryOptions,
  given: Given,
  interrupted: Promise<'interrupted'>,
): Promise<number> {
  const report = reporterFor(options);
  const stack = await startStack({
    given,
    retryBaseDelay: 300,
    onProgress: report.progress,
  });
  try {
    for (const limitation of stack.limitations) report.progress(limitation);
    const story = async () => {
      if (options.own !== undefined) return await archiveOwnTrack(stack, options.own, report);
      if (stack.limitations.length > 0) return [];
      const tracks = await playFifteenDays(stack, report, process.stdout.isTTY ? 1500 : 100);
      return await checkExpectations(stack, tracks);
    };
    const expectations = await Promise.race([story(), interrupted]);
    if (expectations === 'interrupted') return interruptedCode;
    // In lines for a person: what is about to end needs no addresses.
    report.summary(expectations, options.once && !options.json ? {} : addressesOf(stack));
    if (!options.once) {
      report.waiting();
      await interrupted;
    }
    return expectations.every(({ held }) => held) ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

function reporterFor({ json }: StoryOptions): Reporter {
  const write = (line: string) => process.stdout.write(`${line}\n`);
  if (json) return jsonReporter(write);
  return process.stdout.isTTY ? tableReporter(process.stdout) : lineReporter(write);
}

try {
  process.exitCode = await main();
} catch (error) {
  const wrongUse = error instanceof UsageError || error instanceof ConfigurationError;
  const text = error instanceof Error ? (wrongUse ? error.message : error.stack) : error;
  process.stderr.write(
    `npm start: ${text}\n${wrongUse ? 'npm start -- --help shows more.\n' : ''}`,
  );
  process.exitCode = wrongUse ? 2 : 1;
}
