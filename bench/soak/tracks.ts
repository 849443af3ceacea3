import { type AssetKind, assetKinds } from '../../core/assets.ts';
import type { FailureCode } from '../../core/failure.ts';
import type { MediaFile } from '../../local/provider/media.ts';
import { mediaBytes } from './content.ts';
import { type Fault, pickFault } from './faults.ts';
import { hour, type Lifetime, lifetimes, minute, onGrid } from './lifetimes.ts';
import type { Random } from './random.ts';

/** A file at the provider. */
export interface PlannedFile {
  url: string;
  file: MediaFile;
  bytes: number;
  /** Without Content-Length. */
  chunked: boolean;
  fault: Fault | undefined;
}

/** Addresses from a moment on; null where the track has no such asset, text where nothing is served. */
export interface Sources extends Record<AssetKind, PlannedFile | string | null> {
  from: number;
}

/** All times are milliseconds from the beginning. */
export interface PlannedTrack {
  id: string;
  title: string;
  userId: string;
  lifetime: Lifetime;
  madeAt: number;
  /** undefined: never. */
  completedAt: number | undefined;
  dueAt: number;
  deadline: number;
  /** The app knows it from the provider; otherwise the policy decides. */
  knownExpiry: boolean;
  /** At least one; the app changes from one to the next. */
  sources: Sources[];
  requestedAt: number | undefined;
  deletedAt: number | undefined;
}

interface Given {
  index: number;
  userId: string;
  lifetime: Lifetime;
  madeAt: number;
}

const formats = {
  audio: ['song.mp3', 'song.mp3', 'song.m4a', 'song.wav', 'song.ogg', 'song.flac'],
  cover: ['cover.jpg', 'cover.png', 'cover.webp'],
  video: ['video.mp4', 'video.webm'],
} as const;

/** Mostly small, so that thousands of tracks pass in minutes; some are large enough to be killed half-way. */
const sizes: Record<
  AssetKind,
  { small: [number, number]; large: [number, number]; share: number }
> = {
  audio: { small: [5_000, 200_000], large: [500_000, 4_000_000], share: 0.03 },
  cover: { small: [5_000, 60_000], large: [200_000, 2_000_000], share: 0.01 },
  video: { small: [20_000, 500_000], large: [2_000_000, 8_000_000], share: 0.02 },
};
const share = { audio: 1, cover: 0.8, video: 0.25 };

const samples = { image: mediaBytes('cover.png'), sound: mediaBytes('song.ogg') };

export function planTrack(random: Random, given: Given): PlannedTrack {
  const { index, userId, lifetime, madeAt } = given;
  const { retention, archiveAfter } = lifetimes[lifetime];
  const id = random.uuid();
  const long = retention > 12 * hour;
  const finished = long ? random.pick([0, 0, 0, 0, 0, 0, 0, 0, 10, 120]) * minute : 0;
  const completedAt = random.chance(0.01) ? undefined : madeAt + onGrid(finished);

  // The provider's own word is earlier than its policy.
  const knownExpiry = lifetime === 'fortnight' && random.chance(0.05);
  const kept = knownExpiry ? random.whole(60, 350) * hour : retention;
  const deadline = madeAt + kept;
  const dueAt = Math.max(
    completedAt ?? madeAt,
    Math.min(madeAt + archiveAfter, deadline - (retention - archiveAfter)),
  );

  const first: Sources = { from: madeAt, ...assets(random, id, lifetime, 0) };
  const sources = [first];
  // While there is time left to save the new file.
  const last = deadline - 18 * hour;
  const start = completedAt ?? madeAt;
  const between = () => onGrid(random.chance(0.3) ? dueAt : start + random.next() * (last - start));
  if (last > start && random.chance(0.08)) {
    const changed = random.pick(assetKinds);
    const next = assets(random, id, lifetime, 1);
    sources.push({ ...first, from: Math.min(between(), last), [changed]: next[changed] });
  }
  const requestedAt = last > start && random.chance(0.06) ? between() : undefined;
  const deletedAt = last > start && random.chance(0.06) ? between() : undefined;
  return {
    ...{ id, title: `Track ${index}`, userId, lifetime, madeAt, completedAt, dueAt, deadline },
    ...{ knownExpiry, sources, requestedAt, deletedAt },
  };
}

function assets(random: Random, id: string, lifetime: Lifetime, version: number) {
  const { host } = lifetimes[lifetime];
  const asset = (kind: AssetKind): PlannedFile | null => {
    const file = random.pick<MediaFile>(formats[kind]);
    const { small, large, share: largeShare } = sizes[kind];
    const [least, most] = random.chance(largeShare) ? large : small;
    const fault = pickFault(random, kind, samples);
    const planned = {
      url: `https://${host}/${id}/${version}/${file}`,
      file,
      bytes: random.whole(least, most),
      chunked: random.chance(0.1),
      fault,
    };
    return random.chance(share[kind]) ? planned : null;
  };
  const audio = asset('audio') ?? null;
  const wrong = random.chance(0.015) ? random.pick(wrongAddresses) : undefined;
  return {
    audio: wrong === undefined ? audio : wrong.address,
    cover: asset('cover'),
    video: asset('video'),
  };
}

/** Addresses of the app that nothing is served at. */
export const wrongAddresses: readonly { address: string | null; code: FailureCode }[] = [
  { address: null, code: 'url_missing' },
  { address: 'http://cdn.suno.example/song.mp3', code: 'url_invalid' },
  { address: 'https://user:secret@cdn.suno.example/song.mp3', code: 'url_invalid' },
  { address: 'https://elsewhere.example/song.mp3', code: 'host_not_allowed' },
  { address: 'https://127.0.0.1/song.mp3', code: 'address_not_public' },
];
