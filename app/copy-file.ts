import type { Provider, SourcePolicy } from '../adapters/provider/provider.ts';
import type { ObjectPlace, Storage } from '../adapters/supabase/storage.ts';
import type { StoredDetails } from '../adapters/supabase/tracks.ts';
import { type AssetKind, buckets, objectPath } from '../core/assets.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { requireMedia, sniffBytes } from '../core/media.ts';
import { MeasuredBody } from './measured-body.ts';
import { requireSameAgain, requireWhole } from './verify-copy.ts';

export interface FileSource {
  kind: AssetKind;
  url: string;
  userId: string;
  trackId: string;
  policy: SourcePolicy;
}

export interface CopiedFile {
  place: ObjectPlace;
  url: string;
  details: StoredDetails;
}

export interface CopyDependencies {
  provider: Pick<Provider, 'open'>;
  storage: Pick<Storage, 'upload' | 'publicUrl'>;
}

/**
 * Copies one file from the provider into Storage, once, as a stream. Resolves when Storage has accepted
 * exactly the bytes that the provider sent, and they are of the kind that they should be. Whether it has
 * them, the database says when the file is recorded.
 */
export async function copyFile(
  source: FileSource,
  { provider, storage }: CopyDependencies,
  outerSignal: AbortSignal,
): Promise<CopiedFile> {
  const { kind, userId, trackId } = source;
  const bucket = buckets[kind];
  const controller = new AbortController();
  const signal = AbortSignal.any([outerSignal, controller.signal]);
  const file = await provider.open(source.url, source.policy, signal);
  try {
    if (file.length !== undefined && file.length > bucket.maxBytes) {
      throw new ArchiveFailure('too_large', `The provider announced ${file.length} bytes`);
    }
    const body = new MeasuredBody(file, bucket.maxBytes);
    const type = await requireMedia(kind, await body.head(sniffBytes));
    const place = { bucket: bucket.id, path: objectPath(userId, trackId, type.extension) };
    const object = { ...place, contentType: type.mime, length: file.length };
    await storage.upload(object, body, signal);
    requireWhole(file, body.bytes);
    const sha256 = body.sha256();
    if (file.closeDelimited) await requireSameAgain(sha256, source, provider, signal);
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
