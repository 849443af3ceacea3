import type { Claim, Completion } from '../adapters/supabase/rows.ts';
import type { ObjectPlace, Storage } from '../adapters/supabase/storage.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import { ArchiveFailure, classify } from '../core/failure.ts';
import { timings } from '../core/timings.ts';
import {
  type AssetDependencies,
  archiveMissing,
  decisive,
  jobChanged,
  ladder,
} from './archive-file.ts';
import { type Budget, startBudget } from './budget.ts';
import { retrying } from './retry.ts';

export type TrackOutcome =
  | { outcome: 'archived' }
  /** Somebody else's work or nobody's. */
  | { outcome: 'skipped'; reason: string }
  /** The job is still this worker's: it must be failed or released. */
  | { outcome: 'failed'; claim: Claim; failure: ArchiveFailure };

export interface ArchiveDependencies extends AssetDependencies {
  tracks: Tracks;
  storage: Storage;
  /** Who claims, for the operator: the invocation's request id. */
  worker: string;
}

/**
 * Claims a track and copies what is missing of it. Throws `database_unavailable` where the claim
 * itself failed; everything after the claim is an outcome.
 */
export async function archiveTrack(
  trackId: string,
  dependencies: ArchiveDependencies,
  invocation: Budget,
): Promise<TrackOutcome> {
  const { tracks, telemetry, worker } = dependencies;
  // Counted from before the claim, so that the work ends before the lease does.
  const leased = startBudget((timings.lease - timings.reportReserve) * 1000, invocation);
  try {
    const claim = await tracks.claim(trackId, timings.lease, worker);
    if (claim.outcome !== 'claimed') return { outcome: 'skipped', reason: claim.outcome };
    telemetry.log.info('Track claimed', { jobId: claim.job_id, attempt: claim.attempt });
    return await archiveClaimed(trackId, claim, dependencies, leased);
  } finally {
    leased.end();
  }
}

async function archiveClaimed(
  trackId: string,
  claim: Claim,
  dependencies: ArchiveDependencies,
  budget: Budget,
): Promise<TrackOutcome> {
  const { tracks, telemetry } = dependencies;
  const started = performance.now();
  const uploaded: ObjectPlace[] = [];
  const failures = await archiveMissing(trackId, claim, dependencies, budget, uploaded);
  let failure = decisive(failures);
  if (failure === undefined) {
    const completion = await retrying(
      () => tracks.complete(claim),
      ladder(dependencies),
      budget,
    ).catch(classify);
    if (completion === 'completed') {
      telemetry.count('TracksArchived');
      telemetry.count('ArchiveDuration', performance.now() - started);
      return { outcome: 'archived' };
    }
    failure = completion instanceof ArchiveFailure ? completion : incomplete(completion);
  }
  if (failure.code !== 'lease_lost') return { outcome: 'failed', claim, failure };
  await removeIfDeleted(trackId, uploaded, dependencies, budget);
  return { outcome: 'skipped', reason: 'lease_lost' };
}

const incomplete = (completion: Exclude<Completion, 'completed'>): ArchiveFailure =>
  completion === 'not_stored'
    ? new ArchiveFailure('storage_mismatch', 'Storage has lost a file that was stored before')
    : jobChanged(completion);

/** A track that was deleted while it was copied leaves nothing behind. */
async function removeIfDeleted(
  trackId: string,
  uploaded: readonly ObjectPlace[],
  dependencies: ArchiveDependencies,
  budget: Budget,
): Promise<void> {
  const { tracks, storage, telemetry } = dependencies;
  const steps = ladder(dependencies);
  if (uploaded.length === 0 || (await retrying(() => tracks.exists(trackId), steps, budget)))
    return;
  // No later delivery would know of them.
  for (const place of uploaded) {
    await retrying(() => storage.remove(place, budget.signal), steps, budget);
  }
  telemetry.log.info('Removed the files of a deleted track', { files: uploaded.length });
}
