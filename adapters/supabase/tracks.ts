import type { PostgrestClient } from '@supabase/postgrest-js';
import * as z from 'zod';
import type { AssetKind } from '../../core/assets.ts';
import type { ArchiveFailure } from '../../core/failure.ts';
import { callFunction, callTimeout, databaseFailure } from './client.ts';
import {
  type Claim,
  type ClaimResult,
  ClaimRow,
  type Completion,
  CompletionResult,
  type Plan,
  PlanRow,
  Worklist,
  type WorklistEntry,
} from './rows.ts';

/** What the job row keeps about a stored asset. */
export interface StoredDetails {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  content_type: string;
  source_host: string;
  /** Undefined: the format does not give it cheaply. */
  duration_seconds?: number | undefined;
}

/** A claim's ticket: what proves to the database that the worker still holds the track. */
export type Ticket = Pick<Claim, 'job_id' | 'fencing_token'>;

/** The database's verbs, one function each. All throw `database_unavailable`. */
export interface Tracks {
  /** `retry`: plan a track that failed for good, too. */
  plan(trackId: string, retry?: boolean): Promise<Plan>;
  /** False: the job or the due time is not what it was when planned; plan again. */
  confirmSchedule(jobId: string, dueAt: string, route: 'schedule' | 'queue'): Promise<boolean>;
  claim(trackId: string, leaseSeconds: number, worker: string): Promise<ClaimResult>;
  /** Throws `storage_mismatch` where Storage has not `details.bytes` at `url`. False: the lease is lost. */
  storeAsset(
    ticket: Ticket,
    asset: AssetKind,
    url: string,
    details: StoredDetails,
  ): Promise<boolean>;
  /** Records why an optional asset is not to be had; not `isFinal`: it is to be asked for again. False: the lease is lost. */
  storeRefused(ticket: Ticket, asset: AssetKind, code: string, isFinal: boolean): Promise<boolean>;
  /** `not_stored`: Storage has lost what an earlier attempt recorded; the job forgot it and is still this worker's. */
  complete(ticket: Ticket): Promise<Completion>;
  /**
   * After the dead letter was sent; where it was not, `isSaid` false, the sweep sends it once time is up. What time may fix is
   * tried again before the expiry. False: the lease is lost.
   */
  fail(ticket: Ticket, failure: ArchiveFailure, isSaid?: boolean): Promise<boolean>;
  /** Releases the job, to be claimed again in so many seconds. False: the lease is lost. */
  release(ticket: Ticket, failure: ArchiveFailure, seconds: number): Promise<boolean>;
  exists(trackId: string): Promise<boolean>;
  /** Due, unarchived and in nobody's hands, the most urgent first. */
  worklist(limit: number): Promise<WorklistEntry[]>;
}

/** `supabaseUrl`: where this project's Storage is, so that a source that lies there already is recorded in place. */
export function createTracks(client: PostgrestClient, supabaseUrl: string): Tracks {
  const store = (ticket: Ticket, asset: AssetKind, url: string | null, details: object) =>
    callFunction(
      client,
      'store_track_asset',
      { ...ticketParameters(ticket), _asset: asset, _storage_url: url, _details: details },
      z.boolean(),
    );
  const end = (name: string, ticket: Ticket, { code, message }: ArchiveFailure, more: object) =>
    callFunction(
      client,
      name,
      { ...ticketParameters(ticket), _error_code: code, _error_message: message, ...more },
      z.boolean(),
    );

  return {
    plan: (trackId, retry = false) =>
      callFunction(client, 'plan_track_archiving', { _track_id: trackId, _retry: retry }, PlanRow),
    confirmSchedule: (jobId, dueAt, route) =>
      callFunction(
        client,
        'confirm_track_schedule',
        { _job_id: jobId, _due_at: dueAt, _route: route },
        z.boolean(),
      ),
    claim: (trackId, leaseSeconds, worker) =>
      callFunction(
        client,
        'claim_track_archiving',
        {
          _track_id: trackId,
          _lease_seconds: leaseSeconds,
          _worker: worker,
          _project_url: supabaseUrl,
        },
        ClaimRow,
      ),
    storeAsset: (ticket, asset, url, details) => store(ticket, asset, url, details),
    storeRefused: (ticket, asset, code, isFinal) =>
      store(ticket, asset, null, { code, is_final: isFinal }),
    complete: (ticket) =>
      callFunction(client, 'complete_track_archiving', ticketParameters(ticket), CompletionResult),
    fail: (ticket, failure, isSaid = true) =>
      end('fail_track_archiving', ticket, failure, {
        _may_retry: failure.disposition !== 'give-up',
        _is_said: isSaid,
      }),
    release: (ticket, failure, seconds) =>
      end('release_track_archiving', ticket, failure, { _seconds: seconds }),
    worklist: (limit) =>
      callFunction(client, 'get_tracks_needing_archiving', { _limit: limit }, Worklist),
    async exists(trackId) {
      const { data, error } = await client
        .from('tracks')
        .select('id')
        .eq('id', trackId)
        .abortSignal(AbortSignal.timeout(callTimeout));
      if (error !== null) throw databaseFailure('tracks', error);
      return data.length > 0;
    },
  };
}

const ticketParameters = (ticket: Ticket) => ({
  _job_id: ticket.job_id,
  _fencing_token: ticket.fencing_token,
});
