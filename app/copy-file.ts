import { finished } from 'node:stream/promises';
import type { Provider, SourceFile, SourcePolicy } from '../adapters/provider/provider.ts';
import type { ObjectPlace, Storage } from '../adapters/supabase/storage.ts';
import type { StoredDetails } from '../adapters/supabase/tracks.ts';
import { type AssetKind, buckets, objectPath } from '../core/assets.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { type MediaType, recognise, sniffBytes } from '../core/media.ts';
import { MeasuredBody } from './measured-body.ts';

export interface AssetSource {
  kind: AssetKind;
  url: string;
  userId: string;
  trackId: string;
  policy: SourcePolicy;
}

export interface StoredAsset {
  place: ObjectPlace;
  url: string;
  details: StoredDetails;
}

export interface CopyDependencies {
  provider: Pick<Provider, 'open'>;
  storage: Pick<Storage, 'upload' | 'publicUrl'>;
}

/**
 * Copies one asset from the provider into Storage, once, as a stream. Resolves when Storage has accepted
 * exactly the bytes that the provider sent, and they are of the kind that they should be. Whether it has
 * them, the database says when the asset is recorded.
 */
export async function copyAsset(
  source: AssetSource,
  { provider, storage }: CopyDependencies,
  outerSignal: AbortSignal,
): Promise<StoredAsset> {
  const bucket = buckets[source.kind];
  const controller = new AbortController();
  const signal = AbortSignal.any([outerSignal, controller.signal]);
  const file = await provider.open(source.url, source.policy, signal);
  try {
    if (file.length !== undefined && file.length > bucket.maxBytes) {
      throw new ArchiveFailure('too_large', `The provider announced ${file.length} bytes`);
    }
    const body = new MeasuredBody(file, bucket.maxBytes);
    const type = await recogniseHead(source.kind, await body.head(sniffBytes));
    const place = {
      bucket: bucket.id,
      path: objectPath(source.userId, source.trackId, type.extension),
    };
    const object = { ...place, contentType: type.mime, length: file.length };
    await storage.upload(object, body, signal);
    requireWhole(file, body.bytes);
    const sha256 = body.sha256();
    if (file.endsWithConnection) await requireSameAgain(sha256, source, provider, signal);
    return {
      place,
      url: storage.publicUrl(place),
      details: {
        bytes: body.bytes,
        sha256,
        content_type: type.mime,
        source_host: file.host,
      },
    };
  } catch (error) {
    // Whatever is still under way on either side ends here: a source that stalls after Storage gave up.
    controller.abort();
    throw error;
  } finally {
    file.close();
  }
}

async function recogniseHead(kind: AssetKind, head: Buffer): Promise<MediaType> {
  if (head.length === 0) throw new ArchiveFailure('provider_empty', 'The provider sent no bytes');
  const recognition = await recognise(kind, head.subarray(0, sniffBytes));
  if (recognition.outcome === 'accepted') return recognition.type;
  if (recognition.outcome === 'wrong-kind') {
    throw new ArchiveFailure('media_wrong_kind', `The ${kind} is ${recognition.found}`);
  }
  throw new ArchiveFailure('media_unrecognised', `The ${kind} is no media file`);
}

function requireWhole({ length, isOverlong }: SourceFile, sent: number): void {
  if (length !== undefined && length !== sent) {
    throw new ArchiveFailure('provider_truncated', `${sent} bytes of the announced ${length}`);
  }
  if (isOverlong()) {
    throw new ArchiveFailure('provider_overlong', `More than the announced ${length} bytes`);
  }
}

/** Asks for a file once more and keeps nothing of it: two connections seldom break at the same byte. */
async function requireSameAgain(
  sha256: string,
  { kind, url, policy }: AssetSource,
  provider: CopyDependencies['provider'],
  signal: AbortSignal,
): Promise<void> {
  const file = await provider.open(url, policy, signal);
  try {
    const body = new MeasuredBody(file, buckets[kind].maxBytes);
    await finished(body.resume());
    if (body.sha256() === sha256) return;
    throw new ArchiveFailure(
      'provider_truncated',
      'The provider does not say where the file ends, and sent another one when asked again',
    );
  } finally {
    file.close();
  }
}
