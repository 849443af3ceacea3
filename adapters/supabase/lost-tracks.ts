import type { PostgrestClient } from '@supabase/postgrest-js';
import * as z from 'zod';
import type { ArchiveFailure } from '../../core/failure.ts';
import { callFunction } from './client.ts';
import {
  Backlog,
  Closing,
  type LostTrack,
  LostTracks,
  type UnscheduledTrack,
  UnscheduledTracks,
} from './rows.ts';

/** By what the database tells a lost track from one on its way. */
export interface SignsOfLife {
  /** A schedule made before this does not exist any more: its group is younger. */
  schedulesSince: Date;
  /** A message sent before this does not exist any more: its queue is younger. */
  messagesSince: Date;
  /** Seconds after its time within which a schedule has put its track on the queue. */
  scheduleGrace: number;
  /** Seconds after which a track on the queue that was neither sent nor claimed is lost. */
  silence: number;
  /** Claims of one job after which its workers are held to die of it. */
  maxAttempts: number;
  /** Codes of the failures that are worth another try before the track expires. */
  retryableCodes: readonly string[];
}

/** What the sweep asks of the database. All throw `database_unavailable`. */
export interface LostTrackList {
  /** Gives waiting tracks the earlier date that their policy has now, at most `limit`; answers how many it were. */
  moveDatesForward(limit: number): Promise<number>;
  /** Due and lost, the most urgent first, of those that are expired or of those that are not; continues after `last`. */
  due(expired: boolean, signs: SignsOfLife, limit: number, last?: LostTrack): Promise<LostTrack[]>;
  /** Due later and without a schedule, the earliest first; continues after `last`. */
  unscheduled(
    signs: SignsOfLife,
    limit: number,
    last?: UnscheduledTrack,
  ): Promise<UnscheduledTrack[]>;
  /**
   * Fails a track for good. `closed`: its dead letter is owed; to be called again once that is written, which is
   * `buried`. `expired`: that its deadline has passed is said now, once. `ignored`: there is nothing to say.
   */
  close(
    trackId: string,
    failure: ArchiveFailure,
    buried: boolean,
  ): Promise<z.output<typeof Closing>>;
  backlog(): Promise<z.output<typeof Backlog>>;
}

export const createLostTrackList = (client: PostgrestClient): LostTrackList => ({
  moveDatesForward: (limit) =>
    callFunction(client, 'move_archive_dates_forward', { _limit: limit }, z.number()),
  due: (expired, signs, limit, last) =>
    callFunction(
      client,
      'get_lost_tracks',
      {
        _expired: expired,
        _schedules_since: signs.schedulesSince,
        _messages_since: signs.messagesSince,
        _schedule_grace_seconds: signs.scheduleGrace,
        _silence_seconds: signs.silence,
        _max_attempts: signs.maxAttempts,
        _retryable_codes: signs.retryableCodes,
        _limit: limit,
        _after_expires_at: last?.expires_at,
        _after_track_id: last?.track_id,
      },
      LostTracks,
    ),
  unscheduled: (signs, limit, last) =>
    callFunction(
      client,
      'get_unscheduled_tracks',
      {
        _schedules_since: signs.schedulesSince,
        _limit: limit,
        _after_due_at: last?.due_at,
        _after_track_id: last?.track_id,
      },
      UnscheduledTracks,
    ),
  close: (trackId, failure, buried) =>
    callFunction(
      client,
      'close_track_archiving',
      {
        _track_id: trackId,
        _error_code: failure.code,
        _error_message: failure.message,
        _buried: buried,
      },
      Closing,
    ),
  backlog: () => callFunction(client, 'get_archiving_backlog', {}, Backlog),
});
