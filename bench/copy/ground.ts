import { type AssetKind, assetKinds } from '../../core/assets.ts';

/** Bytes of what the benchmarks call MB; a GB has 1024 of them. */
export const megabyte = 1024 * 1024;

/** Bytes of each file that a track has. */
export type TrackFiles = Partial<Record<AssetKind, number>>;

export const usualTrack: TrackFiles = {
  audio: 6 * megabyte,
  cover: Math.round(0.4 * megabyte),
  video: 25 * megabyte,
};

export const largeTrack: TrackFiles = { audio: 6 * megabyte, video: 500 * megabyte };

export const kindsOf = (files: TrackFiles): AssetKind[] =>
  assetKinds.filter((kind) => files[kind] !== undefined);

export const bytesOf = (files: TrackFiles): number =>
  Object.values(files).reduce((sum, bytes) => sum + bytes, 0);

/** How the connections to a server behave. */
export interface Link {
  /** Milliseconds between a whole request and the first byte of its response. */
  latency: number;
  /** Of each connection by itself; Infinity: as fast as it goes. */
  bytesPerSecond: number;
}

export const links = {
  free: { latency: 0, bytesPerSecond: Number.POSITIVE_INFINITY },
  slow: { latency: 40, bytesPerSecond: 20 * megabyte },
} as const satisfies Record<string, Link>;
export type LinkName = keyof typeof links;

/** What a lane copies, and the ports on 127.0.0.1 of the servers that it copies between. */
export interface Ground {
  files: TrackFiles;
  providerPort: number;
  supabasePort: number;
}

/** The provider's host in the tracks' addresses. Only our lane reads it, and finds it on 127.0.0.1. */
export const providerHost = 'files.provider.example';

export const sourceUrl = ({ providerPort }: Ground, kind: AssetKind): string =>
  `http://127.0.0.1:${providerPort}/${kind}`;

export const supabaseUrl = ({ supabasePort }: Ground): string => `http://127.0.0.1:${supabasePort}`;

export const uploadUrl = (ground: Ground, kind: AssetKind, trackId: string): string =>
  `${supabaseUrl(ground)}/storage/v1/object/${kind}/${trackId}`;
