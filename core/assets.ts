/** What a track may own, in the order of importance. Audio is never optional. */
export const assetKinds = ['audio', 'cover', 'video'] as const;
export type AssetKind = (typeof assetKinds)[number];

const megabyte = 1024 * 1024;

/** The bucket of each kind and the bytes that it takes; the database's buckets are held to these by a test. */
export const buckets = {
  audio: { id: 'tracks-audio', maxBytes: 100 * megabyte },
  cover: { id: 'tracks-covers', maxBytes: 10 * megabyte },
  video: { id: 'tracks-videos', maxBytes: 500 * megabyte },
} as const satisfies Record<AssetKind, { id: string; maxBytes: number }>;

export const isOptional = (kind: AssetKind): boolean => kind !== 'audio';

/** `{user_id}/{track_id}.{ext}` within the kind's bucket. */
export const objectPath = (userId: string, trackId: string, extension: string): string =>
  `${userId}/${trackId}.${extension}`;

/** Where a file is kept that may not be published as the track's. */
export const suspectPath = (
  userId: string,
  trackId: string,
  kind: AssetKind,
  extension: string,
): string => `${userId}/${trackId}/suspect-${kind}.${extension}`;
