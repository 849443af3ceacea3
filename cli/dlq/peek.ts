import type { DeadLetter } from '../../adapters/dead-letters.ts';
import { requireNoMoveTask } from './by-task.ts';
import { describe, type Entry } from './entry.ts';
import { type Desk, type QueueName, queueNames } from './open.ts';
import { visitLetters } from './visit.ts';

/** What lies in a queue; everything was given back. */
export interface Look {
  queue: QueueName;
  found: number;
  hidden: number;
  entries: Entry[];
}

/**
 * Looks at every message of both queues once. Where the signal is aborted the rest is missing. Rejects
 * while a move task runs.
 */
export async function peek(
  desk: Desk,
  signal: AbortSignal,
  onProgress: (what: string, done: number, total: number) => void,
): Promise<Look[]> {
  const { queues, lookup } = desk;
  await requireNoMoveTask(desk);
  const looks: Look[] = [];
  for (const name of queueNames) {
    const queue = queues[name];
    const { visible: found, hidden } = await queue.counts();
    const letters: DeadLetter[] = [];
    await visitLetters(queue, found, signal, async (fresh) => {
      letters.push(...fresh);
      onProgress(`Looking at the ${name} queue`, letters.length, found);
      return [];
    });
    looks.push({ queue: name, found, hidden, entries: await describe(name, letters, lookup) });
  }
  return looks;
}
