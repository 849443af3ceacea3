import type { Claim } from '../adapters/supabase/rows.ts';
import type { ObjectPlace } from '../adapters/supabase/storage.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import { type AssetKind, isOptional } from '../core/assets.ts';
import { ArchiveFailure, classify } from '../core/failure.ts';
import { type CopyDependencies, copyFile } from './copy-file.ts';
import type { RunStep } from './retry.ts';

export interface ClaimedTrack {
  trackId: string;
  claim: Claim;
  runStep: RunStep;
  signal: AbortSignal;
}

export interface FileDependencies extends CopyDependencies {
  tracks: Pick<Tracks, 'storeAsset' | 'storeRefused'>;
  telemetry: Telemetry;
}

export interface FileOutcome {
  kind: AssetKind;
  /** Whatever Storage took, although recording it may have failed. */
  uploaded?: ObjectPlace;
  /** Undefined: recorded as stored or as refused, or there is no such file. */
  failure?: ArchiveFailure;
}

/** Copies one file of a claimed track and records it; what goes wrong is in the outcome. */
export function archiveFile(
  kind: AssetKind,
  track: ClaimedTrack,
  dependencies: FileDependencies,
): Promise<FileOutcome> {
  return withLogFields({ asset: kind }, async () => {
    const outcome: FileOutcome = { kind };
    try {
      await copyAndRecord(outcome, track, dependencies);
    } catch (error) {
      outcome.failure = classify(error);
      const { code } = outcome.failure;
      dependencies.telemetry.log.warn('Asset failed', { code, error: outcome.failure });
    }
    return outcome;
  });
}

async function copyAndRecord(
  outcome: FileOutcome,
  { trackId, claim, runStep, signal }: ClaimedTrack,
  dependencies: FileDependencies,
): Promise<void> {
  const { tracks, telemetry } = dependencies;
  const { kind } = outcome;
  const url = claim[`${kind}_url`];
  if (url === null) {
    if (isOptional(kind)) return;
    throw new ArchiveFailure('url_missing', 'The track has no audio address');
  }
  const copied = await runStep((attempt) => {
    const isRetry = attempt > 1 || claim.attempt > 1;
    const policy = { allowedHosts: claim.allowed_hosts, userAgent: claim.user_agent, isRetry };
    const expectedSeconds = [
      kind === 'audio' ? claim.duration_seconds : null,
      claim.stored_seconds[kind],
    ].filter((seconds) => typeof seconds === 'number');
    const source = { kind, url, userId: claim.user_id, trackId, policy, expectedSeconds };
    return copyFile(source, dependencies, signal);
  }).catch((error: unknown) => {
    const failure = classify(error);
    const isRefused = failure.disposition === 'give-up' || failure.disposition === 'ask-again';
    if (isOptional(kind) && isRefused) return failure;
    throw failure;
  });
  // Recording is retried separately, so a database error never downloads again.
  if (copied instanceof ArchiveFailure) {
    const isFinal = copied.disposition === 'give-up' || claim.asked_before.includes(kind);
    requireLease(await runStep(() => tracks.storeRefused(claim, kind, copied.code, isFinal)));
    if (!isFinal) throw copied;
    telemetry.log.info('Asset refused', { code: copied.code, reason: copied.message });
    telemetry.count('AssetsRefused');
    return;
  }
  const { place, url: storageUrl, details } = copied;
  outcome.uploaded = place;
  requireLease(await runStep(() => tracks.storeAsset(claim, kind, storageUrl, details)));
  telemetry.log.info('Asset stored', { ...details, path: place.path });
  telemetry.count('AssetsStored');
  telemetry.count('BytesArchived', details.bytes);
}

function requireLease(isHeld: boolean): void {
  if (!isHeld)
    throw new ArchiveFailure('lease_lost', 'The job is not as it was claimed: lease_lost');
}
