import { goals } from './database/goals.ts';
import { help, parseOptions } from './database/options.ts';
import { run } from './database/run.ts';
import { table } from './database/table.ts';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined || options.help) {
    if (options === undefined) {
      process.stderr.write(
        '--tracks is a whole number from 1000, --goal a number; others are not known.\n\n',
      );
    }
    (options === undefined ? process.stderr : process.stdout).write(help);
    return options === undefined ? 2 : 0;
  }
  const results = await run(options, (message) => process.stderr.write(`${message}\n`));
  const all = goals(results);
  const text = options.json ? JSON.stringify({ ...results, goals: all }) : table(results);
  process.stdout.write(`${text}\n`);
  return options.check && all.some(({ reached }) => !reached) ? 1 : 0;
}

process.exitCode = await main();
