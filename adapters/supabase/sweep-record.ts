import type { PostgrestClient } from '@supabase/postgrest-js';
import * as z from 'zod';
import type { ArchiveFailure } from '../../core/failure.ts';
import { callFunction } from './client.ts';
import {
  Adopted,
  Audited,
  Backlog,
  RemovableObjects,
  type StalledTrack,
  StalledTracks,
} from './rows.ts';
import type { ObjectPlace } from './storage.ts';

/** What the sweep asks of the database. All throw `database_unavailable`. */
export interface SweepRecord {
  backlog(): Promise<z.output<typeof Backlog>>;
  /**
   * Takes at most `limit` jobs that showed no progress in time, fairly round their owners, then by urgency; at most
   * `room` of them are to go onto the queue. Whoever does not act on one finds it again a quarter of an hour later.
   */
  takeStalled(limit: number, room: number): Promise<StalledTrack[]>;
  /** Fails a track for good, after its dead letter was sent. False: somebody was faster, or it may be tried again. */
  close(trackId: string, failure: ArchiveFailure): Promise<boolean>;
  /** Archives a track whose audio is stored, without what its provider did not give in time. False: somebody was faster. */
  archiveWithoutOptional(trackId: string, failure: ArchiveFailure): Promise<boolean>;
  /** Opens jobs of completed tracks that have none, at most `limit`; returns how many. */
  openMissingJobs(limit: number): Promise<number>;
  /** Gives at most `limit` waiting jobs the deadline that their policy has now; returns how many it looked at. */
  refreshDeadlines(limit: number): Promise<number>;
  /** Walks on over tracks from before the installation, at most `limit`. */
  adopt(limit: number): Promise<z.output<typeof Adopted>>;
  /** Asks Storage's catalogue for the recorded files of at most `limit` tracks, in turn. */
  audit(limit: number): Promise<z.output<typeof Audited>>;
  /** Objects that no track needs any more and that may be removed now. */
  removableObjects(limit: number): Promise<ObjectPlace[]>;
  /** Does still no track need this one? Its track may have come back since it was listed. */
  isRemovable(place: ObjectPlace): Promise<boolean>;
  forgetLeftover(place: ObjectPlace): Promise<void>;
  compactCounts(): Promise<void>;
}

export function createSweepRecord(client: PostgrestClient, maxCrashes: number): SweepRecord {
  const call = <Row extends z.ZodType>(
    name: string,
    parameters: Record<string, unknown>,
    row: Row,
  ) => callFunction(client, name, parameters, row);
  return {
    backlog: () => call('get_archiving_backlog', {}, Backlog),
    takeStalled: (limit, room) =>
      call(
        'take_stalled_tracks',
        { _limit: limit, _room: room, _max_crashes: maxCrashes },
        StalledTracks,
      ),
    close: (trackId, { code, message }) =>
      call(
        'close_track_archiving',
        { _track_id: trackId, _error_code: code, _error_message: message },
        z.boolean(),
      ),
    archiveWithoutOptional: (trackId, { code }) =>
      call('archive_without_optional', { _track_id: trackId, _error_code: code }, z.boolean()),
    openMissingJobs: (limit) => call('open_missing_jobs', { _limit: limit }, z.number()),
    refreshDeadlines: (limit) => call('refresh_deadlines', { _limit: limit }, z.number()),
    adopt: (limit) => call('adopt_tracks', { _limit: limit }, Adopted),
    audit: (limit) => call('audit_stored_files', { _limit: limit }, Audited),
    removableObjects: (limit) => call('get_removable_objects', { _limit: limit }, RemovableObjects),
    isRemovable: async ({ bucket, path }) => {
      const named = { _limit: 1, _bucket_id: bucket, _object_name: path };
      return (await call('get_removable_objects', named, RemovableObjects)).length > 0;
    },
    forgetLeftover: async ({ bucket, path }) => {
      await call('forget_leftover', { _bucket_id: bucket, _object_name: path }, z.unknown());
    },
    compactCounts: async () => {
      await call('compact_track_counts', {}, z.unknown());
    },
  };
}
