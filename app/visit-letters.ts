import type { DeadLetter, DeadLetterQueue } from '../adapters/dead-letters.ts';

/**
 * Seconds for which a message is in flight while so many are received: long enough to see each once,
 * and no longer than needed, since what a killed process held is visible again only after it.
 */
export const visibilityTimeout = (messages: number): number =>
  Math.min(43_200, 30 + Math.ceil(messages / 10));

/**
 * Shows each message once, at most `bound` of them, `atOnce` or a few more at a time, then releases what `visit` has not
 * removed. `visit` returns those that it removed. Ends early, and as orderly, where the signal is aborted. Returns how
 * many were seen.
 */
export async function visitLetters(
  queue: DeadLetterQueue,
  bound: number,
  signal: AbortSignal,
  visit: (letters: DeadLetter[]) => Promise<readonly DeadLetter[]>,
  atOnce = 1,
): Promise<number> {
  const seconds = visibilityTimeout(bound);
  const held = new Map<string, DeadLetter>();
  const removed = new Set<string>();
  const seen = new Set<string>();
  let again = 0;
  let waiting: DeadLetter[] = [];
  const show = async () => {
    const shown = waiting;
    waiting = [];
    for (const { id } of await visit(shown)) {
      held.delete(id);
      removed.add(id);
    }
  };
  try {
    // A message whose visibility timeout has ended comes again; that, too, has an end.
    while (seen.size < bound && again <= bound && !signal.aborted) {
      const letters = await queue.receive(seconds);
      if (letters.length === 0) break;
      for (const letter of letters) {
        // A copy that SQS had forgotten to delete.
        if (removed.has(letter.id)) await queue.remove(letter);
        else held.set(letter.id, letter);
      }
      const fresh = letters.filter(({ id }) => !seen.has(id)).slice(0, bound - seen.size);
      again += letters.length - fresh.length;
      for (const { id } of fresh) seen.add(id);
      waiting.push(...fresh);
      if (waiting.length >= atOnce) await show();
    }
    if (waiting.length > 0 && !signal.aborted) await show();
    return seen.size;
  } finally {
    // Where that fails they come back by themselves when their visibility timeout ends.
    await queue.release([...held.values()]).catch(() => {});
  }
}
