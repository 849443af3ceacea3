import { type CommandContext, noteDatabase } from './command.ts';
import { jsonCodes, jsonDatabase } from './json.ts';
import { isEverything } from './options.ts';
import { exitCodes } from './report.ts';
import { invalidCode, matchEntry } from './selection.ts';
import { plural, showCodes, showQueue, span } from './show.ts';
import { takeSnapshots } from './snapshot.ts';

/** `redrive` without `--yes`: what would be moved, and what of it makes no sense. Nothing is changed. */
export async function planRedrive(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const everything = isEverything(options.selection);
  const snapshots = await takeSnapshots(context, signal, output.progress);
  const plans = snapshots.map((snapshot) => ({
    ...snapshot,
    selected: snapshot.entries.filter(
      (entry) => everything || matchEntry(entry, options.selection, false) === 'selected',
    ),
    unknown: everything
      ? 0
      : snapshot.entries.filter(
          (entry) => matchEntry(entry, options.selection, false) === 'unknown',
        ).length,
  }));
  output.result({
    ok: !signal.aborted,
    dryRun: true,
    interrupted: signal.aborted,
    database: jsonDatabase(context),
    queues: plans.map(({ queue, found, inFlight, selected, unknown }) => ({
      queue,
      by: everything && queue === 'dead-letter' ? 'move_task' : 'one_by_one',
      found,
      inFlight,
      selected: selected.length,
      unknown,
      codes: jsonCodes(selected),
    })),
  });
  for (const { queue, selected, entries, inFlight } of plans) {
    const held = inFlight === 0 ? '' : ` (${inFlight} more in flight)`;
    output.say(
      `${showQueue(queue)}: ${selected.length} of ${plural(entries.length)} to move${held}`,
    );
    if (selected.length > 0) output.say(showCodes(selected));
  }
  noteDatabase(context);
  const selected = plans.flatMap((plan) => plan.selected);
  const unknown = plans.reduce((sum, plan) => sum + plan.unknown, 0);
  if (unknown > 0) output.note(`${plural(unknown)} would be left: only the database knows more.`);
  const invalid = selected.filter(({ code }) => code === invalidCode).length;
  if (invalid > 0) {
    output.note(
      `${plural(invalid)} not ours, which would come straight back: dlq drop --code ${invalidCode} --yes first.`,
    );
  }
  if (signal.aborted) return exitCodes.interrupted;
  if (selected.length > 0) {
    const time = span(selected.length / options.rate);
    output.say(
      `Nothing was changed. --yes moves them, ${options.rate} a second at most (--rate): ${time} at least.`,
    );
  }
  return exitCodes.done;
}
