import type { DeadLetter, DeadLetterQueue } from '../adapters/dead-letters.ts';
import { isMoving, type MoveTasks } from '../adapters/move-tasks.ts';
import type { ArchivingState } from '../adapters/supabase/archiving-states.ts';
import { isSettled, trackState } from './track-state.ts';
import { visitLetters } from './visit-letters.ts';

export interface LetterDependencies {
  openQueue: () => Promise<DeadLetterQueue>;
  tasks: Pick<MoveTasks, 'latest'>;
  /** By track id; rejects where the database cannot be asked. */
  statesOf: (trackIds: readonly string[]) => Promise<Map<string, ArchivingState>>;
}

/** Letters looked at by one sweep, and those that one question to the database is about. */
const most = 1000;
const atOnce = 200;
/** Milliseconds by which the clocks of SQS and of the database may differ. */
const clockDifference = 300_000;

/**
 * Takes out of the dead-letter queue what nobody has to do anything about any more: letters of tracks that are archived or
 * deleted, and of those with an open job that was opened after the letter, which writes one of its own if it fails. A job
 * that is older may be the one whose letter this is: the letter is written before the job fails. The others are released
 * at once; after a crash all come back by themselves. Returns how many it removed.
 */
export async function removeSettledLetters(
  { openQueue, tasks, statesOf }: LetterDependencies,
  signal: AbortSignal,
): Promise<number> {
  const queue = await openQueue();
  const { visible } = await queue.counts();
  const task = await tasks.latest(queue.arn);
  if (task !== undefined && isMoving(task)) return 0;

  let removed = 0;
  const visit = async (letters: DeadLetter[]) => {
    const ids = letters.flatMap(({ trackId }) => (trackId === undefined ? [] : [trackId]));
    const states = await statesOf([...new Set(ids)]);
    const settled = letters.filter(({ trackId = '', sentAt }) =>
      mayGo(states.get(trackId), sentAt),
    );
    for (const letter of settled) {
      await queue.remove(letter);
      removed += 1;
    }
    return settled;
  };
  await visitLetters(queue, Math.min(visible, most), signal, visit, atOnce);
  return removed;
}

function mayGo(state: ArchivingState | undefined, sentAt: Date): boolean {
  const track = trackState(state);
  if (isSettled(track)) return true;
  const openedAt = state?.job_created_at?.getTime() ?? 0;
  return track === 'on_its_way' && openedAt > sentAt.getTime() + clockDifference;
}
