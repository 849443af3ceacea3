import { ConfigurationError } from '../core/environment.ts';
import { parseGiven } from './stack/given.ts';
import { startStack } from './stack.ts';
import { addressesOf } from './story/addresses.ts';
import { checkExpectations } from './story/expectations.ts';
import { parseOptions, type StoryOptions, UsageError } from './story/options.ts';
import { archiveOwnTrack } from './story/own-track.ts';
import { playFifteenDays } from './story/play.ts';
import { jsonReporter, lineReporter, type Reporter } from './story/report.ts';
import { tableReporter } from './story/table.ts';

/** `npm start`: starts the stack, plays the story, and stays up for looking around. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv);
  const given = parseGiven(process.env);
  const report = reporterFor(options);

  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  const stack = await startStack({
    given,
    retryBaseDelay: 300,
    onProgress: report.progress,
  });
  try {
    for (const limitation of stack.limitations) report.progress(limitation);
    const story = async () => {
      if (options.own !== undefined) return await archiveOwnTrack(stack, options.own, report);
      const tracks = await playFifteenDays(stack, report, process.stdout.isTTY ? 1500 : 100);
      return await checkExpectations(stack, tracks);
    };
    const expectations = await Promise.race([story(), interrupted]);
    if (expectations === undefined) return 130;
    report.summary(expectations, addressesOf(stack));
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
  process.stderr.write(`${wrongUse || !(error instanceof Error) ? error : error.stack}\n`);
  process.exitCode = wrongUse ? 2 : 1;
}
