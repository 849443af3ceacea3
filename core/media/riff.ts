import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

/** Sizes from here on say that the writer did not know: it could not seek back. */
const unknownSize = 0x7fff_0000;

/** Samples a second; those of DSD are some millions. */
const maxRate = 100_000_000;

/** Chunks that follow the samples. */
const otherChunk = /^(LIST|id3 |ID3 |bext|fact|cue |smpl|JUNK|PAD |_PMX|iXML|axml|chna)$/;

interface Sound {
  /** Bytes a second. */
  pace: number;
}

/** RIFF/WAVE, RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088), from the first byte on. */
export function* parseWave(feed: Feed): Parser<Found> {
  const start = feed.position;
  if (!(yield* feed.need(12))) return cutShort('wav', 'It ends within its first header');
  const isLarge = !feed.startsWith('RIFF');
  let announced = feed.u32le(4);
  feed.drop(12);
  let sound: Sound | undefined;
  let largeData: number | undefined;
  let data: { bytes: number; announced: number | undefined } | undefined;
  while (yield* feed.need(8)) {
    const id = feed.text(0, 4);
    const size = feed.u32le(4);
    if (id === 'data') {
      feed.drop(8);
      // A song of no samples, and not a writer that did not know.
      if (size === 0 && (yield* feed.need(4)) && otherChunk.test(feed.text(0, 4))) continue;
      const isUnknown = size === 0 || size >= unknownSize;
      const length = isUnknown ? largeData : size;
      const from = feed.position;
      const isComplete = yield* feed.skip(length ?? Number.MAX_SAFE_INTEGER);
      data = { bytes: feed.position - from, announced: length };
      if (length === undefined || !isComplete) break;
    } else {
      if (!/^[\x20-\x7e]{4}$/.test(id)) break;
      if (id === 'fmt ' || id === 'ds64') {
        if (size < 14 || size > 4096) return noMedia(`A ${id.trim()} chunk of ${size} bytes`);
        if (!(yield* feed.need(8 + size))) break;
        if (id === 'fmt ') sound = soundOf(feed);
        else if (isLarge && size >= 24) {
          announced = feed.u32le(8) + feed.u32le(12) * 0x1_0000_0000;
          const large = feed.u32le(16) + feed.u32le(20) * 0x1_0000_0000;
          largeData = large === 0 || large > Number.MAX_SAFE_INTEGER ? undefined : large;
        }
        if (id === 'fmt ' && sound === undefined)
          return noMedia('A format without channels or rate');
      }
      if (!(yield* feed.skip(8 + size))) break;
    }
    const isOdd = (feed.position - start) % 2 === 1;
    // Some writers forget to pad.
    if (isOdd && (yield* feed.need(1)) && feed.byte() === 0) feed.drop(1);
  }
  yield* feed.drain();
  if (data === undefined || sound === undefined) return cutShort('wav', 'No samples');
  if (data.bytes === 0) return cutShort('wav', 'No samples');
  const bytes = feed.position - start;
  const isAnnounced = announced !== 0 && announced !== 0xffff_ffff && announced < unknownSize;
  const isShortOfData = data.announced !== undefined && data.bytes < data.announced;
  // Whether the eight bytes before it count, and a last one of padding, differs between writers.
  const isShort = isShortOfData || (isAnnounced && bytes + 1 < announced);
  return {
    container: 'wav',
    sound: true,
    whole: isShort ? false : data.announced === undefined && !isAnnounced ? undefined : true,
    note: isShort ? `${bytes} bytes of the ${announced + 8} that RIFF announces` : undefined,
    durationSeconds: data.bytes / sound.pace,
  };
}

function soundOf(feed: Feed): Sound | undefined {
  const channels = feed.u16le(8 + 2);
  const rate = feed.u32le(8 + 4);
  const pace = feed.u32le(8 + 8);
  const block = feed.u16le(8 + 12);
  if (channels === 0 || channels > 256 || rate === 0 || rate > maxRate) return undefined;
  return pace > 0 ? { pace } : block > 0 ? { pace: rate * block } : undefined;
}

/** WebP (developers.google.com/speed/webp/docs/riff_container). */
export function* parseWebp(feed: Feed): Parser<Found> {
  if (!(yield* feed.need(12))) return cutShort('webp', 'It ends within its first header');
  const announced = feed.u32le(4) + 8;
  feed.drop(12);
  let hasPicture = false;
  let hasSize = false;
  let isCut = false;
  while (feed.position < announced && (yield* feed.need(8))) {
    const id = feed.text(0, 4);
    const size = feed.u32le(4);
    if (!/^[\x20-\x7e]{4}$/.test(id)) break;
    yield* feed.need(8 + Math.min(size, 32));
    if (id === 'VP8X') {
      if (size < 10) return noMedia('A VP8X chunk without a size');
      hasSize = true;
    } else if (id === 'VP8 ' || id === 'VP8L') {
      if (!hasDimensions(feed, id)) return noMedia(`A ${id.trim()} chunk without a size`);
      hasPicture = true;
      hasSize = true;
    } else if (id === 'ANMF') {
      hasPicture = true;
    }
    if (!(yield* feed.skip(8 + size))) {
      isCut = true;
      break;
    }
    if (size % 2 === 1) yield* feed.skip(1);
  }
  yield* feed.drain();
  if (!hasPicture || !hasSize) return cutShort('webp', 'No picture');
  // A last byte of padding is forgotten by some.
  const whole = !isCut && feed.position + 1 >= announced;
  return {
    container: 'webp',
    picture: true,
    whole,
    note: whole ? undefined : `${feed.position} bytes of the ${announced} that RIFF announces`,
  };
}

function hasDimensions(feed: Feed, id: string): boolean {
  if (id === 'VP8L') return feed.byte(8) === 0x2f && feed.available >= 13;
  const isKeyFrame = (feed.byte(8) & 1) === 0;
  const hasStartCode = feed.byte(11) === 0x9d && feed.byte(12) === 0x01 && feed.byte(13) === 0x2a;
  return (
    isKeyFrame && hasStartCode && (feed.u16le(14) & 0x3fff) > 0 && (feed.u16le(16) & 0x3fff) > 0
  );
}
