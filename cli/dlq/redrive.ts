import { moveByTask, requireNoMoveTask } from './by-task.ts';
import { type CommandContext, messageOf, noteDatabase } from './command.ts';
import { type QueueName, queueNames } from './context.ts';
import { describe } from './entry.ts';
import { jsonDatabase, jsonReport } from './json.ts';
import { takeOneByOne } from './one-by-one.ts';
import { isEverything } from './options.ts';
import { exitCodeOf, exitCodes, isCutShort, type QueueReport } from './report.ts';
import { invalidCode, type Match, matchEntry } from './selection.ts';
import { plural, showReport } from './show.ts';

/** `redrive --yes`: back to the archive queue, the dead-letter queue first, then Scheduler's. */
export async function redrive(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const everything = isEverything(options.selection);
  if (!everything) await requireNoMoveTask(context);
  const passedOver = { invalid: 0, unknown: 0 };

  async function oneByOne(name: QueueName): Promise<QueueReport> {
    const select = async (letters: Parameters<typeof describe>[1]): Promise<Match[]> => {
      if (everything) return letters.map(() => 'selected');
      const entries = await describe(name, letters, context.lookup);
      return entries.map((entry) => {
        const match = matchEntry(entry, options.selection, false);
        if (match === 'unknown') passedOver.unknown += 1;
        if (match === 'passed_over' && entry.code === invalidCode) passedOver.invalid += 1;
        return match;
      });
    };
    const report = await takeOneByOne(context.queues[name], {
      select,
      act: ({ forward }) => context.send(forward),
      rate: options.rate,
      signal,
      onProgress: (done, seen, found) =>
        output.progress(`Moving from the ${name} queue`, everything ? done : seen, found),
    });
    return { queue: name, ...report };
  }

  async function everythingByTask(): Promise<QueueReport> {
    const report = await moveByTask(context, {
      rate: options.rate,
      signal,
      onProgress: (moved, toMove) => output.progress('Moved by SQS', moved, toMove),
      onAttach: () => output.note('A move task is running already: watching that one.'),
    });
    if (report !== undefined) return { queue: 'dead-letter', ...report };
    output.note('There are no move tasks here: moving one by one.');
    return oneByOne('dead-letter');
  }

  const reports: QueueReport[] = [];
  for (const name of queueNames) {
    if (signal.aborted || reports.some(({ error }) => error !== undefined)) break;
    reports.push(
      everything && name === 'dead-letter' ? await everythingByTask() : await oneByOne(name),
    );
  }
  const exitCode = exitCodeOf(reports, queueNames.length, signal);
  output.result({
    ok: exitCode === exitCodes.done,
    dryRun: false,
    interrupted: isCutShort(reports, queueNames.length, signal),
    database: jsonDatabase(context),
    queues: reports.map(jsonReport),
  });
  for (const report of reports) {
    output.say(showReport(report, 'moved'));
    if (report.error !== undefined) output.note(messageOf(report.error));
  }
  if (passedOver.invalid > 0) {
    output.note(
      `${plural(passedOver.invalid)} not ours: left there; --code ${invalidCode} moves them, dlq drop --code ${invalidCode} drops them.`,
    );
  }
  if (!everything) noteDatabase(context);
  if (passedOver.unknown > 0) {
    output.note(`${plural(passedOver.unknown)} left there: only the database knows more.`);
  }
  return exitCode;
}
