import { type Context, noteDatabase } from './command.ts';
import { byUrgency } from './entry.ts';
import { jsonDatabase, jsonEntry, jsonLook } from './json.ts';
import { peek } from './peek.ts';
import { exitCodes } from './report.ts';
import { showLook } from './show.ts';

/** `dlq list`: every message of both queues, the most urgent first. Nothing is changed. */
export async function list({ desk, output, signal }: Context): Promise<number> {
  const looks = await peek(desk, signal, output.progress);
  output.answer({
    ok: !signal.aborted,
    interrupted: signal.aborted,
    database: jsonDatabase(desk),
    queues: looks.map(jsonLook),
    messages: looks.flatMap(({ entries }) => entries.toSorted(byUrgency).map(jsonEntry)),
  });
  for (const look of looks) output.say(showLook(look));
  noteDatabase({ desk, output });
  return signal.aborted ? exitCodes.interrupted : exitCodes.done;
}
