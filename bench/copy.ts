import { parseArgs } from 'node:util';
import { largeTrack, usualTrack } from './copy/ground.ts';
import { recognitionCost } from './copy/recognition.ts';
import { type Results, results } from './copy/results.ts';
import { copyLargeTrack, onGround, plans, takeTurns } from './copy/run.ts';
import { table } from './copy/table.ts';

const help = `Usage: npm run bench:copy -- [options]

Copies tracks of 6 MB audio, 0.4 MB cover and 25 MB video from a provider to Storage, both on this machine,
in four ways: as the legacy system did, as the archive Lambda does, and through two bare pipes as limits.
Over a free link and over one with 40 ms latency and 20 MB/s a connection. Takes about three minutes.

  --check  exit 1 if a target is missed
  --json   print JSON
  --help   print this
`;

async function measure(progress: (line: string) => void): Promise<Results> {
  const turns = await onGround(usualTrack, async (servers, directory) => ({
    free: await takeTurns(plans.free, servers, directory, progress),
    slow: await takeTurns(plans.slow, servers, directory, progress),
  }));
  progress('one video of 500 MB');
  const large = { files: largeTrack, measured: await copyLargeTrack() };
  return results(turns, usualTrack, large, recognitionCost(usualTrack));
}

/** Undefined: the arguments make no sense. */
function parseOptions() {
  try {
    return parseArgs({
      options: {
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch {
    return undefined;
  }
}

async function main(): Promise<number> {
  const options = parseOptions();
  if (options === undefined || options.help) {
    (options === undefined ? process.stderr : process.stdout).write(help);
    return options === undefined ? 2 : 0;
  }
  const measured = await measure((line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${options.json ? JSON.stringify(measured) : table(measured)}\n`);
  return options.check && measured.targets.some(({ reached }) => !reached) ? 1 : 0;
}

process.exitCode = await main();
