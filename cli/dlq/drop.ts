import { ConfigurationError } from '../../core/environment.ts';
import { type CommandContext, messageOf, noteDatabase } from './command.ts';
import { queueNames } from './context.ts';
import { jsonCodes, jsonDatabase, jsonReport } from './json.ts';
import { takeOneByOne } from './one-by-one.ts';
import { isEverything } from './options.ts';
import { exitCodeOf, exitCodes, isCutShort, type QueueReport } from './report.ts';
import { matchEntry } from './selection.ts';
import { plural, showCodes, showReport } from './show.ts';
import { takeSnapshots } from './snapshot.ts';

/** Asks a person; undefined where nobody is there to reply. */
export type Ask = ((question: string, signal: AbortSignal) => Promise<boolean>) | undefined;

/**
 * `dlq drop`: deletes selected messages, those that were shown and no other. Throws a ConfigurationError where
 * nothing restricts the selection.
 */
export async function drop(context: CommandContext, ask: Ask): Promise<number> {
  const { options, given, output, signal } = context;
  if (isEverything(options.selection)) {
    throw new ConfigurationError(
      'Say which messages to drop: --code, --track, --older-than or --archived',
    );
  }
  const snapshots = await takeSnapshots(context, signal, output.progress);
  const entries = snapshots.flatMap((snapshot) => snapshot.entries);
  const matches = entries.map((entry) => matchEntry(entry, options.selection, true));
  const chosen = entries.filter((_, index) => matches[index] === 'selected');
  const unknown = matches.filter((match) => match === 'unknown').length;
  output.say(`${chosen.length} of ${plural(entries.length)} to drop`);
  if (chosen.length > 0) output.say(showCodes(chosen));
  noteDatabase(context);
  if (unknown > 0) output.note(`${plural(unknown)} left there: only the database knows more.`);

  const isAgreed =
    chosen.length > 0 &&
    !signal.aborted &&
    (given.yes === true || (await ask?.('Drop them?', signal)) === true);
  const reports: QueueReport[] = [];
  if (isAgreed) {
    const ids = new Set(chosen.map(({ letter }) => letter.id));
    for (const name of queueNames) {
      if (signal.aborted) break;
      const report = await takeOneByOne(context.queues[name], {
        select: async (letters) =>
          letters.map(({ id }) => (ids.has(id) ? 'selected' : 'passed_over')),
        act: async () => {},
        rate: Number.POSITIVE_INFINITY,
        signal,
        onProgress: (done) => output.progress('Dropping', done, chosen.length),
      });
      reports.push({ queue: name, ...report });
    }
  }
  const code = isAgreed
    ? exitCodeOf(reports, queueNames.length, signal)
    : signal.aborted
      ? exitCodes.interrupted
      : exitCodes.done;
  const exitCode = code === exitCodes.done && unknown > 0 ? exitCodes.left : code;
  output.result({
    ok: exitCode === exitCodes.done,
    dryRun: !isAgreed && given.yes !== true,
    interrupted: signal.aborted && (!isAgreed || isCutShort(reports, queueNames.length, signal)),
    database: jsonDatabase(context),
    selected: chosen.length,
    codes: jsonCodes(chosen),
    queues: reports.map(jsonReport),
  });
  for (const report of reports) {
    output.say(showReport(report, 'dropped'));
    if (report.error !== undefined) output.note(messageOf(report.error));
  }
  if (!isAgreed && chosen.length > 0) output.say('Nothing was changed. --yes drops them.');
  return exitCode;
}
