import type { DeadLetter } from '../../adapters/dead-letters.ts';
import { visitLetters } from '../../app/visit-letters.ts';
import { requireNoMoveTask } from './by-task.ts';
import { type DlqContext, type QueueName, queueNames } from './context.ts';
import { describe, type Entry } from './entry.ts';

/** What lies in a queue; all messages were released again. */
export interface QueueSnapshot {
  queue: QueueName;
  found: number;
  inFlight: number;
  entries: Entry[];
}

/**
 * Receives every message of both queues once. Where the signal is aborted the rest is missing. Rejects
 * while a move task runs.
 */
export async function takeSnapshots(
  context: DlqContext,
  signal: AbortSignal,
  onProgress: (what: string, done: number, total: number) => void,
): Promise<QueueSnapshot[]> {
  const { queues, lookup } = context;
  await requireNoMoveTask(context);
  const snapshots: QueueSnapshot[] = [];
  for (const name of queueNames) {
    const queue = queues[name];
    const { visible: found, inFlight } = await queue.counts();
    const letters: DeadLetter[] = [];
    await visitLetters(queue, found, signal, async (fresh) => {
      letters.push(...fresh);
      onProgress(`Reading the ${name} queue`, letters.length, found);
      return [];
    });
    snapshots.push({
      queue: name,
      found,
      inFlight,
      entries: await describe(name, letters, lookup),
    });
  }
  return snapshots;
}
