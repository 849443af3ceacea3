import { setTimeout as wait } from 'node:timers/promises';
import type { Provider, SourcePolicy } from '../adapters/provider/provider.ts';
import type { ObjectPlace, Storage } from '../adapters/supabase/storage.ts';
import type { StoredDetails } from '../adapters/supabase/tracks.ts';
import { type AssetKind, buckets, objectPath, suspectPath } from '../core/assets.ts';
import { ArchiveFailure } from '../core/failure.ts';
import type { MediaType } from '../core/media/recogniser.ts';
import { MeasuredBody } from './measured-body.ts';
import { requireWhole, saysNoEnd, suspicion } from './verify-copy.ts';

export interface FileSource {
  kind: AssetKind;
  url: string;
  userId: string;
  trackId: string;
  policy: SourcePolicy;
  /** How long it should play, by the app and by the stored copy. */
  expectedSeconds?: readonly number[];
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

/** Milliseconds in which bytes behind the announced end show up, before the last ones are passed on. */
const excessPatience = 10;

/** What an attempt that could not be published has found out for the next one. */
interface Known {
  type?: MediaType;
  /** What the provider sent when it was asked before. */
  sha256?: string;
  /** Why it is kept beside instead of at the track's address. */
  suspect?: ArchiveFailure;
}

/** Thrown into an upload: it is broken off, and begun again by what is known now. */
class AskAgain extends ArchiveFailure {
  readonly known: Known;
  constructor(known: Known, reason: string) {
    super(known.suspect === undefined ? 'provider_truncated' : 'media_suspect', reason);
    this.known = known;
  }
}

/**
 * Copies one file from the provider into Storage, as a stream. Resolves when Storage has accepted exactly the bytes
 * that the provider sent, and they are of the kind that they should be and whole. Until then nothing is published:
 * an upload whose last bytes do not come leaves in Storage what was there. Whether it has them, the
 * database says when the file is recorded.
 */
export async function copyFile(
  source: FileSource,
  dependencies: CopyDependencies,
  signal: AbortSignal,
): Promise<CopiedFile> {
  let known: Known = {};
  for (let attempt = 1; ; attempt++) {
    try {
      const copied = await copyOnce(source, known, dependencies, signal);
      if (known.suspect !== undefined) throw known.suspect;
      return copied;
    } catch (error) {
      if (!(error instanceof AskAgain)) throw error;
      if (attempt >= 3 && error.known.suspect === undefined) throw error;
      known = { ...known, ...error.known };
    }
  }
}

async function copyOnce(
  source: FileSource,
  known: Known,
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
    let assumed = known.type;
    let whole: Pick<StoredDetails, 'sha256' | 'duration_seconds'> | undefined;
    const body = new MeasuredBody(file, {
      kind,
      limit: bucket.maxBytes,
      check: async (verdict, sha256) => {
        if (file.length !== undefined) await wait(excessPatience);
        requireWhole(file, body.bytes, verdict);
        const { type } = verdict;
        assumed ??= type;
        if (type !== undefined && type.extension !== assumed?.extension) {
          throw new AskAgain({ type }, `The ${kind} turned out to be ${type.mime}`);
        }
        if (saysNoEnd(file, verdict) && known.sha256 !== sha256) {
          throw known.sha256 === undefined
            ? new AskAgain({ sha256 }, 'Nothing says where the file ends')
            : new ArchiveFailure(
                'provider_truncated',
                'The provider does not say where the file ends, and sent another one when asked again',
              );
        }
        const suspect = suspicion(kind, verdict.durationSeconds, source.expectedSeconds);
        if (suspect !== undefined && known.suspect === undefined) {
          throw new AskAgain({ suspect }, suspect.message);
        }
        whole = { sha256, duration_seconds: verdict.durationSeconds };
      },
    });
    const type = assumed ?? (await body.type());
    assumed = type;
    const path =
      known.suspect === undefined
        ? objectPath(userId, trackId, type.extension)
        : suspectPath(userId, trackId, kind, type.extension);
    const place = { bucket: bucket.id, path };
    const object = { ...place, contentType: type.mime, length: file.length };
    await storage.upload(object, body, signal);
    if (whole === undefined) {
      throw new ArchiveFailure('storage_mismatch', 'Storage accepted a file before its end');
    }
    if (file.isOverlong()) {
      throw new ArchiveFailure('provider_overlong', `More than the announced ${file.length} bytes`);
    }
    return {
      place,
      url: storage.publicUrl(place),
      details: {
        bytes: body.bytes,
        ...whole,
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
