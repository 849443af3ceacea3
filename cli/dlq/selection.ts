import { isSettled } from '../../app/track-state.ts';
import type { Entry } from './entry.ts';
import type { Selection } from './options.ts';

/** Whether a message matches; `unknown` where only the database knows and was not asked. */
export type Match = 'selected' | 'passed_over' | 'unknown';

/** Messages that are not ours come straight back when redriven. */
export const invalidCode = 'message_invalid';

/**
 * Every given restriction must be met. What is not ours is selected only by its code, and by any
 * restriction where `takesInvalid` says so.
 */
export function matchEntry(
  entry: Entry,
  { codes, trackIds, olderThan, archived }: Selection,
  takesInvalid: boolean,
): Match {
  const { code, trackId, track } = entry;
  if (code === invalidCode && !takesInvalid && !codes.includes(invalidCode)) return 'passed_over';
  const age = (entry.now.getTime() - entry.since.getTime()) / 1000;
  // Asked, the database had returned the code if there were one.
  const unasked = track === 'unknown' ? undefined : false;
  const matches: Match[] = [
    trackIds.length === 0 || (trackId !== undefined && trackIds.includes(trackId)),
    olderThan === undefined || age >= olderThan,
    codes.length === 0 || (code === undefined ? unasked : codes.includes(code)),
    !archived || (track === 'unknown' ? undefined : isSettled(track)),
  ].map(matchOf);
  if (matches.includes('passed_over')) return 'passed_over';
  return matches.includes('unknown') ? 'unknown' : 'selected';
}

const matchOf = (isMet: boolean | undefined): Match =>
  isMet === undefined ? 'unknown' : isMet ? 'selected' : 'passed_over';
