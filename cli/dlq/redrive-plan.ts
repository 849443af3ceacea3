import { type Context, noteDatabase } from './command.ts';
import { jsonCodes, jsonDatabase } from './json.ts';
import { isEverything } from './options.ts';
import { peek } from './peek.ts';
import { exitCodes } from './report.ts';
import { invalidCode, judge } from './selection.ts';
import { plural, showCodes, showQueue, span } from './show.ts';

/** `redrive` without `--yes`: what would be moved, and what of it makes no sense. Nothing is changed. */
export async function planRedrive(context: Context): Promise<number> {
  const { desk, options, output, signal } = context;
  const everything = isEverything(options.selection);
  const looks = await peek(desk, signal, output.progress);
  const plans = looks.map((look) => ({
    ...look,
    selected: look.entries.filter(
      (entry) => everything || judge(entry, options.selection, false) === 'selected',
    ),
    unknown: everything
      ? 0
      : look.entries.filter((entry) => judge(entry, options.selection, false) === 'unknown').length,
  }));
  output.answer({
    ok: !signal.aborted,
    dryRun: true,
    interrupted: signal.aborted,
    database: jsonDatabase(desk),
    queues: plans.map(({ queue, found, hidden, selected, unknown }) => ({
      queue,
      by: everything && queue === 'dead-letter' ? 'move_task' : 'one_by_one',
      found,
      hidden,
      selected: selected.length,
      unknown,
      codes: jsonCodes(selected),
    })),
  });
  for (const { queue, selected, entries, hidden } of plans) {
    const held = hidden === 0 ? '' : ` (${hidden} more in somebody's hands)`;
    output.say(
      `${showQueue(queue)}: ${selected.length} of ${plural(entries.length)} to move${held}`,
    );
    if (selected.length > 0) output.say(showCodes(selected));
  }
  noteDatabase(context);
  const selected = plans.flatMap((plan) => plan.selected);
  const unknown = plans.reduce((sum, plan) => sum + plan.unknown, 0);
  if (unknown > 0)
    output.note(`${plural(unknown)} would be left: only the database could tell more.`);
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
