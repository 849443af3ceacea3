import type { ArchivingState } from '../adapters/supabase/archiving-states.ts';

/**
 * How the track of a dead letter stands now: `on_its_way` has a newer attempt pending or under way, `waiting` was never
 * attempted, `unknown` where the database was not asked or the message names no track. An archived track whose new
 * source is not copied stands as that copy does.
 */
export type TrackState =
  | 'archived'
  | 'deleted'
  | 'not_completed'
  | 'failed'
  | 'on_its_way'
  | 'waiting'
  | 'unknown';

export function trackState(state: ArchivingState | undefined): TrackState {
  if (state === undefined) return 'unknown';
  const { found, archived_to_storage, status, job_status, job_renews } = state;
  if (!found) return 'deleted';
  const isRenewed = job_renews !== true || job_status === 'completed';
  if (archived_to_storage && isRenewed) return 'archived';
  if (status !== 'completed') return 'not_completed';
  if (job_status === 'failed') return 'failed';
  return job_status === 'pending' || job_status === 'processing' ? 'on_its_way' : 'waiting';
}

/** Nothing is left to do about the track, so its dead letter can go. */
export const isSettled = (state: TrackState): boolean =>
  state === 'archived' || state === 'deleted';
