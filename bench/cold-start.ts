import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBundles } from './cold-start/bundles.ts';
import { takeTurns } from './cold-start/measure.ts';
import { startOutside } from './cold-start/outside.ts';
import { type Row, rowOf, table } from './cold-start/table.ts';
import { median } from './median.ts';

const help = `Usage: npm run bench:cold-start -- [options]

Starts the Lambdas' bundles in fresh processes, in turns with Node alone, and prints the processor time that
loading takes, and that the first webhook takes the enqueue Lambda: as it is deployed, and with the whole of
supabase-js. Takes about a minute.

  --rounds <n>  processes of each (15)
  --json        print JSON
  --help        print this
`;

async function measure(rounds: number): Promise<{ node: number; rows: Row[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-cold-start-'));
  const outside = await startOutside(directory);
  try {
    const bundles = await makeBundles(directory);
    // The first of each reads its file from disk, and is not counted.
    await takeTurns(outside, bundles, 1);
    const { bare, of } = await takeTurns(outside, bundles, rounds);
    const node = median(bare.map(({ start }) => start));
    const rows = [...of].map(([bundle, starts]) => rowOf(bundle, starts, node));
    return { node, rows };
  } finally {
    outside.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Undefined: the arguments make no sense. */
function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '15' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const rounds = Number(values.rounds);
    return Number.isInteger(rounds) && rounds > 0 ? { ...values, rounds } : undefined;
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
  const { node, rows } = await measure(options.rounds);
  const text = options.json ? JSON.stringify({ node, rows }) : table(rows, node, options.rounds);
  process.stdout.write(`${text}\n`);
  return 0;
}

process.exitCode = await main();
