import type { Feed, Parser } from './feed.ts';
import type { Movie } from './iso-movie.ts';

export interface BoxHeader {
  type: string;
  /** Of the whole box; one that lasts to the end of the file has a size that no file has. */
  size: number;
  headerBytes: number;
}

/** Boxes that hold nothing but boxes. */
export const isoContainers: ReadonlySet<string> = new Set([
  'moov',
  'trak',
  'mdia',
  'minf',
  'stbl',
  'mvex',
  'moof',
  'traf',
  'dinf',
]);

/** Boxes that are tables, and the least that an entry has; no player opens a file whose tables have not room for theirs. */
const tables: Readonly<Record<string, number>> = {
  dref: 12,
  stts: 8,
  ctts: 8,
  stsc: 12,
  stss: 4,
  stco: 4,
  co64: 8,
};

/** Most bytes that a box of ours is looked at. */
const headLimit = 4096;

/** The header of the box that begins here; 8 bytes are there. */
export function* isoBox(feed: Feed): Parser<BoxHeader | undefined> {
  const type = feed.text(4, 4);
  const size = feed.u32();
  if (size === 0) return { type, size: 2 ** 52, headerBytes: 8 };
  if (size !== 1) return size < 8 ? undefined : { type, size, headerBytes: 8 };
  if (!(yield* feed.need(16))) return undefined;
  const large = feed.u64(8);
  return large < 16 || large > 2 ** 50 ? undefined : { type, size: large, headerBytes: 16 };
}

/** Reads what matters of a box that has no boxes in it; leaves the rest of it. */
export function* readBox(
  feed: Feed,
  { type, headerBytes, size }: BoxHeader,
  end: number,
  movie: Movie,
): Parser<void> {
  if (type === 'stsz' || type === 'trun')
    return yield* readTable(feed, type, headerBytes, end, movie);
  const entry = tables[type];
  if (entry !== undefined) {
    if (!(yield* feed.need(Math.min(size, headerBytes + 8)))) return;
    movie.isDamaged ||= headerBytes + 8 + feed.u32(headerBytes + 4) * entry > size;
    return;
  }
  if (!/^(mvhd|mdhd|hdlr|stsd|mehd|tkhd|tfhd|trex|ispe)$/.test(type)) return;
  if (!(yield* feed.need(Math.min(size, headLimit)))) return;
  const at = headerBytes;
  const isLong = feed.byte(at) === 1;
  const track = movie.tracks.at(-1);
  const flags = feed.u24(at + 1);
  if (type === 'ispe') movie.hasSize ||= feed.u32(at + 4) > 0 && feed.u32(at + 8) > 0;
  else if (type === 'mvhd') {
    movie.timescale = feed.u32(at + (isLong ? 20 : 12));
    const duration = isLong ? feed.u64(at + 24) : feed.u32(at + 16);
    // All ones: not known.
    movie.duration = duration >= (isLong ? 2 ** 63 : 0xffff_ffff) ? 0 : duration;
  } else if (type === 'mehd') {
    movie.fragmentDuration = isLong ? feed.u64(at + 4) : feed.u32(at + 4);
  } else if (type === 'trex') {
    const found = movie.tracks.find(({ id }) => id === feed.u32(at + 4));
    if (found !== undefined) found.defaultTime = feed.u32(at + 12);
  } else if (type === 'tfhd') {
    movie.current = movie.tracks.find(({ id }) => id === feed.u32(at + 4));
    const skipped = 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0);
    movie.currentTime = flags & 8 ? feed.u32(at + skipped) : (movie.current?.defaultTime ?? 0);
  } else if (track === undefined) return;
  else if (type === 'tkhd') track.id = feed.u32(at + (isLong ? 20 : 12));
  else if (type === 'mdhd') track.timescale = feed.u32(at + (isLong ? 20 : 12));
  else if (type === 'hdlr') track.handler ||= feed.text(at + 8, 4);
  else if (type === 'stsd' && feed.u32(at + 4) > 0 && size >= at + 16) {
    track.format = feed.text(at + 12, 4);
  }
}

/** Sums up the samples of a table as it flows by. */
function* readTable(
  feed: Feed,
  type: string,
  headerBytes: number,
  end: number,
  movie: Movie,
): Parser<void> {
  if (!(yield* feed.need(headerBytes + 12))) return;
  const flags = feed.u24(headerBytes + 1);
  const track = type === 'stsz' ? movie.tracks.at(-1) : movie.current;
  if (track === undefined) return;
  if (type === 'stsz') {
    const same = feed.u32(headerBytes + 4);
    track.samples = feed.u32(headerBytes + 8);
    track.sampleBytes = same * track.samples;
    if (same > 0) return;
    movie.isDamaged ||= feed.position + headerBytes + 12 + 4 * track.samples > end;
    feed.drop(headerBytes + 12);
    for (let i = 0; i < track.samples && feed.position + 4 <= end; i++) {
      if (feed.available < 4 && !(yield* feed.need(4))) return;
      track.sampleBytes += feed.u32();
      feed.drop(4);
    }
    return;
  }
  const count = feed.u32(headerBytes + 4);
  const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length;
  if ((flags & 0x100) === 0) {
    track.fragmentTime += count * movie.currentTime;
    return;
  }
  const optional = (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0);
  movie.isDamaged ||= feed.position + headerBytes + 8 + optional + 4 * fields * count > end;
  feed.drop(headerBytes + 8 + (flags & 1 ? 4 : 0));
  if (flags & 4) yield* feed.skip(4);
  for (let i = 0; i < count && feed.position + 4 * fields <= end; i++) {
    if (!(yield* feed.need(4 * fields))) return;
    track.fragmentTime += feed.u32();
    feed.drop(4 * fields);
  }
}

/** sidx (ISO/IEC 14496-12, 8.16.3): how far the segments reach that it names. */
export function* readIndex(
  feed: Feed,
  movie: Movie,
  headerBytes: number,
  end: number,
): Parser<void> {
  const bytes = end - feed.position;
  if (bytes > 1024 * 1024 || !(yield* feed.need(bytes))) return;
  const isLong = feed.byte(headerBytes) === 1;
  const at = headerBytes + (isLong ? 28 : 20);
  let until = end + (isLong ? feed.u64(at - 8) : feed.u32(at - 4));
  const count = feed.u16(at + 2);
  for (let i = 0; i < count && at + 4 + 12 * (i + 1) <= bytes; i++) {
    until += feed.u32(at + 4 + 12 * i) % 0x8000_0000;
  }
  movie.indexedUntil = Math.max(movie.indexedUntil, until);
}
