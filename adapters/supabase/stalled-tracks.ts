import type { PostgrestClient } from '@supabase/postgrest-js';
import * as z from 'zod';
import type { ArchiveFailure } from '../../core/failure.ts';
import { callFunction } from './client.ts';
import {
  Backlog,
  Closing,
  type StalledTrack,
  StalledTracks,
  type UnscheduledTrack,
  UnscheduledTracks,
} from './rows.ts';

/** What distinguishes a stalled track from one on its way. */
export interface StallCriteria {
  /** A schedule made before this does not exist any more: its group is younger. */
  schedulesSince: Date;
  /** A message sent before this does not exist any more: its queue is younger. */
  messagesSince: Date;
  /** Seconds after its time within which a schedule has put its track on the queue. */
  scheduleGrace: number;
  /** Seconds after which a track on the queue that was neither sent nor claimed is stalled. */
  stallTimeout: number;
  /** Claims of one job that ended in a crash after which it is given up. */
  maxAttempts: number;
  /** Codes of the failures that are worth another try before the track expires. */
  retryableCodes: readonly string[];
}

/** What the sweep asks of the database. All throw `database_unavailable`. */
export interface StalledTrackList {
  /** Gives waiting tracks the earlier date that their policy has now, at most `limit`; returns how many. */
  advanceDueDates(limit: number): Promise<number>;
  /** Due and stalled, the most urgent first, of those that are expired or of those that are not; continues after `last`. */
  due(
    expired: boolean,
    criteria: StallCriteria,
    limit: number,
    last?: StalledTrack,
  ): Promise<StalledTrack[]>;
  /** Due later and without a schedule, the earliest first; continues after `last`. */
  unscheduled(
    criteria: StallCriteria,
    limit: number,
    last?: UnscheduledTrack,
  ): Promise<UnscheduledTrack[]>;
  /**
   * Fails a track for good. `closed`: its dead letter is owed; to be called again once that is sent.
   * `expired`: its expiry is recorded now, once. `ignored`: there is nothing to record.
   */
  close(
    trackId: string,
    failure: ArchiveFailure,
    isDeadLetterSent: boolean,
  ): Promise<z.output<typeof Closing>>;
  backlog(): Promise<z.output<typeof Backlog>>;
}

export const createStalledTrackList = (client: PostgrestClient): StalledTrackList => ({
  advanceDueDates: (limit) =>
    callFunction(client, 'move_archive_dates_forward', { _limit: limit }, z.number()),
  due: (expired, criteria, limit, last) =>
    callFunction(
      client,
      'get_lost_tracks',
      {
        _expired: expired,
        _schedules_since: criteria.schedulesSince,
        _messages_since: criteria.messagesSince,
        _schedule_grace_seconds: criteria.scheduleGrace,
        _silence_seconds: criteria.stallTimeout,
        _max_attempts: criteria.maxAttempts,
        _retryable_codes: criteria.retryableCodes,
        _limit: limit,
        _after_expires_at: last?.expires_at,
        _after_track_id: last?.track_id,
      },
      StalledTracks,
    ),
  unscheduled: (criteria, limit, last) =>
    callFunction(
      client,
      'get_unscheduled_tracks',
      {
        _schedules_since: criteria.schedulesSince,
        _limit: limit,
        _after_due_at: last?.due_at,
        _after_track_id: last?.track_id,
      },
      UnscheduledTracks,
    ),
  close: (trackId, failure, isDeadLetterSent) =>
    callFunction(
      client,
      'close_track_archiving',
      {
        _track_id: trackId,
        _error_code: failure.code,
        _error_message: failure.message,
        _buried: isDeadLetterSent,
      },
      Closing,
    ),
  backlog: () => callFunction(client, 'get_archiving_backlog', {}, Backlog),
});
