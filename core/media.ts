import { fileTypeFromBuffer } from 'file-type';
import type { AssetKind } from './assets.ts';
import { ArchiveFailure } from './failure.ts';

/** Bytes from the start of a file that suffice to recognise every accepted type. */
export const sniffBytes = 4100;

export interface MediaType {
  /** Content type given to Storage; one that the bucket allows. */
  mime: string;
  /** Extension of the stored object, without a dot. */
  extension: string;
}

/** Recognised type → what the object is stored as. `file-type` names the left side. */
const accepted: Record<AssetKind, Record<string, MediaType>> = {
  audio: {
    'audio/mpeg': { mime: 'audio/mpeg', extension: 'mp3' },
    'audio/wav': { mime: 'audio/wav', extension: 'wav' },
    'audio/flac': { mime: 'audio/flac', extension: 'flac' },
    'audio/ogg': { mime: 'audio/ogg', extension: 'ogg' },
    'audio/aac': { mime: 'audio/aac', extension: 'aac' },
    'audio/x-m4a': { mime: 'audio/mp4', extension: 'm4a' },
    'audio/mp4': { mime: 'audio/mp4', extension: 'm4a' },
    'video/mp4': { mime: 'audio/mp4', extension: 'm4a' },
  },
  cover: {
    'image/jpeg': { mime: 'image/jpeg', extension: 'jpg' },
    'image/png': { mime: 'image/png', extension: 'png' },
    'image/webp': { mime: 'image/webp', extension: 'webp' },
  },
  video: {
    'video/mp4': { mime: 'video/mp4', extension: 'mp4' },
    'video/quicktime': { mime: 'video/mp4', extension: 'mp4' },
    'video/x-m4v': { mime: 'video/mp4', extension: 'mp4' },
    'video/webm': { mime: 'video/webm', extension: 'webm' },
  },
};

/** Every content type that a kind may be stored as; the buckets' `allowed_mime_types` are held to it by a test. */
export const storedMimes = (kind: AssetKind): string[] => [
  ...new Set(Object.values(accepted[kind]).map((type) => type.mime)),
];

export type Recognition =
  | { outcome: 'accepted'; type: MediaType }
  /** A real media type in the wrong slot, such as an image as audio. */
  | { outcome: 'wrong-kind'; found: string }
  /** No media type at all: HTML, JSON, random bytes. */
  | { outcome: 'unknown' };

/** Recognises a file by its first bytes; provider content types and names prove nothing and are ignored. */
export async function recognise(kind: AssetKind, head: Uint8Array): Promise<Recognition> {
  const found = await fileTypeFromBuffer(head);
  if (found === undefined) return { outcome: 'unknown' };
  const mime = found.mime.split(';')[0] ?? found.mime;
  const type = accepted[kind][mime];
  return type === undefined
    ? { outcome: 'wrong-kind', found: mime }
    : { outcome: 'accepted', type };
}

/** Recognises a file by its head, of which only the first bytes count, or throws an ArchiveFailure. */
export async function requireMedia(kind: AssetKind, head: Uint8Array): Promise<MediaType> {
  if (head.length === 0) throw new ArchiveFailure('provider_empty', 'The provider sent no bytes');
  const recognition = await recognise(kind, head.subarray(0, sniffBytes));
  if (recognition.outcome === 'accepted') return recognition.type;
  if (recognition.outcome === 'wrong-kind') {
    throw new ArchiveFailure('media_wrong_kind', `The ${kind} is ${recognition.found}`);
  }
  throw new ArchiveFailure('media_unrecognised', `The ${kind} is no media file`);
}
