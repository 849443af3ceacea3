import { setTimeout as delay } from 'node:timers/promises';
import type { DeadLetter, DeadLetterQueue } from '../../adapters/dead-letters.ts';
import { visitLetters } from '../../app/visit-letters.ts';
import type { QueueReport } from './report.ts';
import type { Match } from './selection.ts';

export interface Work {
  /** One match per message. */
  select: (letters: DeadLetter[]) => Promise<Match[]>;
  /** Done to each selected message before it is removed: a kill between the two leaves it in both places, never in none. */
  act: (letter: DeadLetter) => Promise<void>;
  /** Messages a second at most. */
  rate: number;
  signal: AbortSignal;
  onProgress: (done: number, seen: number, found: number) => void;
}

/**
 * Takes selected messages out of a queue, at most as many as it had at the beginning. An interrupt ends it when
 * the message in hand is done. Ends at the first failure: what fails for one message fails for the next.
 */
export async function takeOneByOne(
  queue: DeadLetterQueue,
  work: Work,
): Promise<Omit<QueueReport, 'queue'>> {
  const { signal, onProgress } = work;
  const { visible: found, inFlight } = await queue.counts();
  const stop = new AbortController();
  const ending = AbortSignal.any([signal, stop.signal]);
  const takeTurn = createTurns(work.rate, ending);
  let selected = 0;
  let passedOver = 0;
  let done = 0;
  let error: unknown;

  const takeOut = async (letter: DeadLetter): Promise<void> => {
    await work.act(letter);
    await queue.remove(letter);
    done += 1;
  };
  let seen = 0;
  await visitLetters(queue, found, ending, async (letters) => {
    seen += letters.length;
    const matches = await work.select(letters);
    const chosen = letters.filter((_, index) => matches[index] === 'selected');
    selected += chosen.length;
    passedOver += matches.filter((match) => match === 'passed_over').length;
    const removed: DeadLetter[] = [];
    for (const letter of chosen) {
      await takeTurn();
      if (ending.aborted) break;
      try {
        await takeOut(letter);
        removed.push(letter);
      } catch (cause) {
        error = cause;
        stop.abort();
      }
      onProgress(done, seen, found);
    }
    return removed;
  });
  const left = Math.max(0, found + inFlight - done - passedOver);
  return { by: 'one_by_one', found, inFlight, selected, done, left, error };
}

/** Resolves at most so many times a second, or at once when it is all over. */
function createTurns(rate: number, signal: AbortSignal): () => Promise<void> {
  let next = performance.now();
  return async () => {
    const now = performance.now();
    const wait = next - now;
    next = Math.max(next, now) + 1000 / rate;
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => {});
  };
}
