import { type CommandContext, noteDatabase } from './command.ts';
import { byUrgency } from './entry.ts';
import { jsonDatabase, jsonEntry, jsonSnapshot } from './json.ts';
import { exitCodes } from './report.ts';
import { showSnapshot } from './show.ts';
import { takeSnapshots } from './snapshot.ts';

/** `dlq list`: every message of both queues, the most urgent first. Nothing is changed. */
export async function list(context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const snapshots = await takeSnapshots(context, signal, output.progress);
  output.result({
    ok: !signal.aborted,
    interrupted: signal.aborted,
    database: jsonDatabase(context),
    queues: snapshots.map(jsonSnapshot),
    messages: snapshots.flatMap(({ entries }) => entries.toSorted(byUrgency).map(jsonEntry)),
  });
  for (const snapshot of snapshots) output.say(showSnapshot(snapshot));
  noteDatabase(context);
  return signal.aborted ? exitCodes.interrupted : exitCodes.done;
}
