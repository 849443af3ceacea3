import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { cancelTask } from './dlq/by-task.ts';
import { runCommand } from './dlq/command.ts';
import { drop } from './dlq/drop.ts';
import { list } from './dlq/list.ts';
import type { GivenOptions } from './dlq/options.ts';
import { redrive } from './dlq/redrive.ts';
import { planRedrive } from './dlq/redrive-plan.ts';
import { exitCodes } from './dlq/report.ts';
import { plural } from './dlq/show.ts';
import { type InspectOptions, inspect } from './inspect.ts';
import { type PreflightOptions, preflight, preflightHelp } from './preflight.ts';

const after = `
All but preflight and inspect: needs AWS credentials and a Region as the AWS CLI does. Titles, deadlines and states come from the database: with
SUPABASE_URL and SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY), else with the secret of the stack. Against the
local stack: AWS_ENDPOINT_URL and the three queues, npm start prints the line. More: docs/operating.md.

Exit codes: 0 done; 1 something failed or is left, run it again; 2 it could not begin: something given is missing or
wrong; 130 interrupted, in good order: run it again to finish.`;

const program = new Command('track-archiver')
  .description(
    'Looks at an app before it is connected (preflight), and after the tracks that could not be archived.',
  )
  .addHelpText('after', after)
  .exitOverride();
const dlq = program.command('dlq').description('the messages of tracks that failed');

const common = (command: Command): Command =>
  command
    .option('--stack <name>', 'name of the deployed stack (default: track-archiver)')
    .option('--archive-queue <queue>', 'URL, ARN or name (default: $ARCHIVE_QUEUE_URL)')
    .option('--dead-letter-queue <queue>', 'likewise (default: $DEAD_LETTER_QUEUE_URL)')
    .option('--schedule-dead-letter-queue <queue>', 'likewise (default: $SCHEDULE_DEAD_LETTER_ARN)')
    .option('--json', 'prints one JSON object instead of lines');

const selecting = (command: Command): Command =>
  common(command)
    .option('--code <code...>', 'only failures with one of these codes')
    .option('--track <id...>', 'only these tracks')
    .option('--older-than <time>', 'only what failed before that: 90m, 12h, 3d')
    .option('--archived', 'only tracks that are archived or deleted meanwhile')
    .option('--yes', 'does it');

common(dlq.command('list'))
  .description('what lies there, why, since when, and until when its track can be saved')
  .action((given: GivenOptions) => end(runCommand(given, list)));

selecting(dlq.command('drop'))
  .description('deletes messages; the jobs in the database stay. Asks first, or needs --yes')
  .action((given: GivenOptions) =>
    end(runCommand(given, (context) => drop(context, askFor(given)))),
  );

selecting(program.command('redrive'))
  .description(
    'puts failed tracks back on the archive queue. Shows what it would do, or does it with --yes',
  )
  .option('--rate <number>', 'messages a second at most, 1 to 500 (default: 50)')
  .option('--cancel', 'stops a move task that is running')
  .action((given: GivenOptions) => end(runCommand(given, run)));

program
  .command('inspect')
  .argument('<source...>', 'files, or https addresses')
  .description('what the archiver would make of them; needs neither AWS nor a database')
  .option('--as <slot>', 'audio, cover or video', 'audio')
  .option('--json', 'prints one JSON object a line for each')
  .addHelpText('after', '\nExit codes: 0 all are accepted; 1 some are refused; 2 usage.')
  .action((sources: string[], options: InspectOptions) => end(inspect(sources, options)));

const run: Parameters<typeof runCommand>[1] = async (context) => {
  const { given, output } = context;
  if (given.cancel !== true) return given.yes === true ? redrive(context) : planRedrive(context);
  const moved = await cancelTask(context);
  output.result({ ok: true, cancelled: moved !== undefined, moved: moved ?? null });
  output.say(
    moved === undefined
      ? 'No move task is running.'
      : `The move task is cancelled; it had moved ${plural(moved)}.`,
  );
  return exitCodes.done;
};

function askFor({ json }: GivenOptions): Parameters<typeof drop>[1] {
  if (json === true || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question, signal) => {
    // Not as a terminal: Ctrl-C is to stay the signal that it is.
    const lines = createInterface({ input: process.stdin, terminal: false });
    process.stderr.write(`${question} [y/N] `);
    const answers = Promise.race([
      once(lines, 'line', { signal }),
      once(lines, 'close', { signal }),
    ]);
    const [answer] = await answers.catch(() => []);
    lines.close();
    return /^y(es)?$/i.test(String(answer ?? '').trim());
  };
}

program
  .command('preflight')
  .description(
    "looks at the app's database before connecting: what would be archived, and what is in the way",
  )
  .option('--database-url <url>', 'the database, as role postgres (default: $SUPABASE_DB_URL)')
  .option('--json', 'prints one JSON object instead of lines')
  .addHelpText('after', preflightHelp)
  .action((given: PreflightOptions) => end(preflight(given)));

async function end(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

// The reader of a pipe has gone away; what was begun goes on to an orderly end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed what it has to say: 0 for --help.
  process.exitCode =
    error instanceof Error && 'exitCode' in error && error.exitCode === 0 ? 0 : exitCodes.usage;
}
