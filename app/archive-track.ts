import type { Provider } from '../adapters/provider/provider.ts';
import type { Claim, Completion } from '../adapters/supabase/rows.ts';
import type { Storage } from '../adapters/supabase/storage.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import { assetKinds } from '../core/assets.ts';
import { decisiveFailure } from '../core/decisive-failure.ts';
import { ArchiveFailure, classify } from '../core/failure.ts';
import { timings } from '../core/timings.ts';
import { archiveFile } from './archive-file.ts';
import { type Budget, startBudget } from './budget.ts';
import { removeIfDeleted } from './remove-if-deleted.ts';
import { type RetrySettings, withRetries } from './retry.ts';

export type TrackOutcome =
  | { outcome: 'archived' }
  /** Somebody else's work or nobody's. */
  | { outcome: 'skipped'; reason: string }
  /** The job is still this worker's: it must be failed or released. */
  | FailedTrack;

export interface FailedTrack {
  outcome: 'failed';
  claim: Claim;
  failure: ArchiveFailure;
  /** The song is safe; it is a cover or video that failed. */
  isAudioSafe: boolean;
}

export interface ArchiveDependencies {
  /** By the key that is in the secret now. */
  supabase: () => Promise<{ tracks: Tracks; storage: Storage }>;
  provider: Pick<Provider, 'open'>;
  telemetry: Telemetry;
  /** Who claims, for the operator: the invocation's request id. */
  worker: string;
  retry: RetrySettings;
}

/**
 * Claims a track, copies what is missing of it and completes it. Throws where the claim itself failed;
 * everything after the claim is an outcome.
 */
export async function archiveTrack(
  trackId: string,
  dependencies: ArchiveDependencies,
  invocation: Budget,
): Promise<TrackOutcome> {
  const { provider, telemetry, worker, retry } = dependencies;
  const { tracks, storage } = await dependencies.supabase();
  // Counted from before the claim, so that the work ends before the lease does.
  const budget = startBudget((timings.lease - timings.reportReserve) * 1000, invocation);
  try {
    const claim = await tracks.claim(trackId, timings.lease, worker);
    if (claim.outcome !== 'claimed') return { outcome: 'skipped', reason: claim.outcome };
    telemetry.log.info('Track claimed', { jobId: claim.job_id, attempt: claim.attempt });

    const started = performance.now();
    const runStep = withRetries(retry, budget, telemetry);
    const track = { trackId, claim, runStep, signal: budget.signal };
    const adapters = { tracks, storage, provider, telemetry };
    const files = await Promise.all(
      missingFiles(claim).map((kind) => archiveFile(kind, track, adapters)),
    );
    const failure =
      decisiveFailure(files) ??
      (await runStep(() => tracks.complete(claim)).then(failureOf, classify));
    if (failure === undefined) {
      telemetry.count('TracksArchived');
      telemetry.count('ArchiveDuration', performance.now() - started);
      return { outcome: 'archived' };
    }
    if (failure.code !== 'lease_lost') {
      const isAudioSafe = !files.some(
        ({ kind, failure }) => kind === 'audio' && failure !== undefined,
      );
      return { outcome: 'failed', claim, failure, isAudioSafe };
    }
    const uploaded = files.flatMap((file) => file.uploaded ?? []);
    await removeIfDeleted(trackId, uploaded, adapters, { runStep, signal: budget.signal });
    return { outcome: 'skipped', reason: 'lease_lost' };
  } finally {
    budget.end();
  }
}

/** Neither stored nor refused. */
const missingFiles = (claim: Claim) =>
  assetKinds.filter((kind) => claim[`storage_${kind}_url`] === null && !claim.gone?.includes(kind));

function failureOf(completion: Completion): ArchiveFailure | undefined {
  if (completion === 'completed') return undefined;
  if (completion === 'not_stored') {
    return new ArchiveFailure('storage_mismatch', 'Storage has lost a file that was stored before');
  }
  return new ArchiveFailure(completion, `The job is not as it was claimed: ${completion}`);
}
