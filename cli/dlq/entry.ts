import type { DeadLetter } from '../../adapters/dead-letters.ts';
import type { ArchivingState } from '../../adapters/supabase/archiving-states.ts';
import { type TrackState, trackState } from '../../app/track-state.ts';
import type { QueueName } from './context.ts';
import type { Lookup } from './lookup.ts';

/** A message as the operator sees it. */
export interface Entry {
  queue: QueueName;
  letter: DeadLetter;
  trackId: string | undefined;
  title: string | undefined;
  code: string | undefined;
  reason: string | undefined;
  /** Failed since, or sent since where nothing more is known. */
  since: Date;
  /** When its provider deletes the files. */
  expiresAt: Date | undefined;
  archivedAt: Date | undefined;
  track: TrackState;
  /** The time of looking: the database's, which may be ahead of this machine's in the local stack. */
  now: Date;
}

export async function describe(
  queue: QueueName,
  letters: readonly DeadLetter[],
  lookup: Lookup,
): Promise<Entry[]> {
  const ids = letters.flatMap(({ trackId }) => (trackId === undefined ? [] : [trackId]));
  const states = await lookup.statesOf([...new Set(ids)]);
  const now = states?.values().next().value?.checked_at ?? new Date();
  return letters.map((letter) => {
    const state = letter.trackId === undefined ? undefined : states?.get(letter.trackId);
    return toEntry(queue, letter, state, now);
  });
}

function toEntry(
  queue: QueueName,
  letter: DeadLetter,
  state: ArchivingState | undefined,
  now: Date,
): Entry {
  const isOurs = letter.trackId !== undefined;
  const failedAt = state?.job_status === 'failed' ? state.job_updated_at : null;
  return {
    queue,
    letter,
    trackId: letter.trackId,
    title: state?.title ?? undefined,
    code: letter.code ?? (isOurs ? (state?.error_code ?? undefined) : 'message_invalid'),
    reason: letter.reason ?? (isOurs ? (state?.error_message ?? undefined) : letter.forward),
    // SQS keeps the time of the first sending where it moves a message itself.
    since: (letter.movedBySqs ? failedAt : undefined) ?? letter.sentAt,
    expiresAt: state?.expires_at ?? undefined,
    archivedAt: state?.archived_at ?? undefined,
    track: trackState(state),
    now,
  };
}

/** The most urgent first; then those whose deadline has passed, and what has none last. */
export const byUrgency = (a: Entry, b: Entry): number =>
  urgency(a) - urgency(b) ||
  (a.expiresAt?.getTime() ?? Number.MAX_VALUE) - (b.expiresAt?.getTime() ?? Number.MAX_VALUE) ||
  a.since.getTime() - b.since.getTime();

const urgency = ({ expiresAt, now }: Entry): number =>
  expiresAt === undefined ? 2 : expiresAt <= now ? 1 : 0;
