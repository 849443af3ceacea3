import type { Claim } from '../adapters/supabase/rows.ts';
import type { ObjectPlace } from '../adapters/supabase/storage.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import { type AssetKind, assetKinds, isOptional } from '../core/assets.ts';
import { ArchiveFailure, classify, meansGone } from '../core/failure.ts';
import type { Budget } from './budget.ts';
import { type CopyDependencies, copyAsset } from './copy-file.ts';
import { type Ladder, retrying } from './retry.ts';

export interface AssetDependencies extends CopyDependencies {
  tracks: Pick<Tracks, 'storeAsset' | 'storeGone'>;
  telemetry: Telemetry;
  retry: { random: () => number; baseDelay: number };
}

/** Copies every asset that is neither stored nor gone, all at once; answers what failed, and adds to `uploaded`. */
export async function archiveMissing(
  trackId: string,
  claim: Claim,
  dependencies: AssetDependencies,
  budget: Budget,
  uploaded: ObjectPlace[],
): Promise<Map<AssetKind, ArchiveFailure>> {
  const failures = new Map<AssetKind, ArchiveFailure>();
  await Promise.all(
    assetKinds.map((kind) =>
      withLogFields({ asset: kind }, async () => {
        if (claim[`storage_${kind}_url`] !== null || claim.gone?.includes(kind)) return;
        try {
          await archiveAsset(kind, trackId, claim, dependencies, budget, uploaded);
        } catch (error) {
          const failure = classify(error);
          dependencies.telemetry.log.warn('Asset failed', { code: failure.code, error: failure });
          failures.set(kind, failure);
        }
      }),
    ),
  );
  return failures;
}

async function archiveAsset(
  kind: AssetKind,
  trackId: string,
  claim: Claim,
  dependencies: AssetDependencies,
  budget: Budget,
  uploaded: ObjectPlace[],
): Promise<void> {
  const { tracks, telemetry } = dependencies;
  const url = claim[`${kind}_url`];
  if (url === null) {
    if (isOptional(kind)) return;
    throw new ArchiveFailure('url_missing', 'The track has no audio address');
  }
  const policy = { allowedHosts: claim.allowed_hosts, userAgent: claim.user_agent };
  const source = { kind, url, userId: claim.user_id, trackId, policy };
  const steps = ladder(dependencies);
  const copied = await retrying(
    () => copyAsset(source, dependencies, budget.signal),
    steps,
    budget,
  ).catch((error: unknown) => {
    const failure = classify(error);
    if (isOptional(kind) && meansGone(failure)) return failure;
    throw failure;
  });
  // Recorded on a ladder of its own: a database that blinks must not cost the provider another download.
  if (copied instanceof ArchiveFailure) {
    mustHold(await retrying(() => tracks.storeGone(claim, kind, copied.code), steps, budget));
    telemetry.log.info('Asset gone', { code: copied.code, reason: copied.message });
    telemetry.count('AssetsGone');
    return;
  }
  uploaded.push(copied.place);
  const { url: storageUrl, details } = copied;
  mustHold(
    await retrying(() => tracks.storeAsset(claim, kind, storageUrl, details), steps, budget),
  );
  telemetry.log.info('Asset stored', { ...details, path: copied.place.path });
  telemetry.count('AssetsStored');
  telemetry.count('BytesArchived', details.bytes);
}

/**
 * The failure that decides the track's fate. Without audio there is nothing to wait for; otherwise
 * one asset that may still be saved keeps the track alive, whatever is lost besides.
 */
export function decisive(
  failures: ReadonlyMap<AssetKind, ArchiveFailure>,
): ArchiveFailure | undefined {
  const all = [...failures.values()];
  return (
    all.find((failure) => failure.disposition === 'ignore') ??
    failures.get('audio') ??
    all.find((failure) => failure.disposition === 'retry') ??
    all[0]
  );
}

export function ladder({ retry, telemetry }: AssetDependencies): Ladder {
  return {
    ...retry,
    onRetry: (failure, attempt, delay) =>
      telemetry.log.info('Trying again', {
        code: failure.code,
        attempt,
        delay,
        reason: failure.message,
      }),
  };
}

function mustHold(held: boolean): void {
  if (!held) throw jobChanged('lease_lost');
}

export const jobChanged = (code: 'lease_lost' | 'superseded'): ArchiveFailure =>
  new ArchiveFailure(code, `The job is not as it was claimed: ${code}`);
