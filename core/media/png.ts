import { crc32 } from 'node:zlib';
import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

/** Bits of a sample, by colour type (w3.org/TR/png-3, table 8). */
const depths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** PNG and APNG (w3.org/TR/png-3): chunk by chunk, each with its checksum. */
export function* parsePng(feed: Feed, begin: (container: 'png' | 'apng') => void): Parser<Found> {
  feed.drop(8);
  let container: 'png' | 'apng' = 'png';
  let hasPicture = false;
  for (let chunks = 0; yield* feed.need(8); chunks++) {
    const length = feed.u32();
    const type = feed.text(4, 4);
    if (length > 0x7fff_ffff || !/^[A-Za-z]{4}$/.test(type)) break;
    if ((chunks === 0) !== (type === 'IHDR')) return noMedia('A PNG without IHDR first');
    if (type === 'IHDR') {
      if (!(yield* feed.need(21))) break;
      if (length !== 13 || feed.u32(8) === 0 || feed.u32(12) === 0) {
        return noMedia('A PNG without dimensions');
      }
      if (!depths[feed.byte(17)]?.includes(feed.byte(16)) || feed.byte(20) > 1) {
        return noMedia('A PNG of a colour type or depth that none has');
      }
    }
    if (type === 'acTL') container = 'apng';
    if (type === 'IDAT' && !hasPicture) begin(container);
    feed.drop(4);
    let sum = 0;
    for (let left = length + 4; left > 0; ) {
      if (!(yield* feed.need(1))) return end(container, hasPicture);
      const part = feed.peek(left);
      sum = crc32(part, sum);
      left -= part.length;
      feed.drop(part.length);
    }
    if (!(yield* feed.need(4))) break;
    // Of a chunk that nobody needs to show the picture (a small first letter) decoders look over it.
    if (sum !== feed.u32() && /^[A-Z]/.test(type)) {
      return noMedia('A PNG chunk has not the checksum that it names');
    }
    feed.drop(4);
    if (type === 'IDAT' && length > 0) hasPicture = true;
    if (type === 'IEND') {
      yield* feed.drain();
      return hasPicture
        ? { container, picture: true, whole: true }
        : noMedia('A PNG without a picture');
    }
  }
  return end(container, hasPicture);
}

const end = (container: 'png' | 'apng', hasPicture: boolean): Found =>
  hasPicture
    ? { container, picture: true, whole: false, note: 'It ends before its IEND chunk' }
    : cutShort(container, 'It ends before its picture');
