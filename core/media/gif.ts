import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** GIF (89a specification): block by block until the trailer. */
export function* parseGif(feed: Feed): Parser<Found> {
  if (!(yield* feed.need(13))) return cutShort('gif', 'It ends within its first header');
  if (feed.u16le(6) === 0 || feed.u16le(8) === 0) return noMedia('A GIF without dimensions');
  let hasPicture = false;
  if (yield* feed.skip(13 + tableBytes(feed.byte(10)))) {
    while (yield* feed.need(1)) {
      const block = feed.byte();
      if (block === 0x3b) {
        yield* feed.drain();
        return hasPicture
          ? { container: 'gif', picture: true, whole: true }
          : noMedia('A GIF without a picture');
      }
      if (block === 0x2c) {
        if (!(yield* feed.need(10))) break;
        if (!(yield* feed.skip(10 + tableBytes(feed.byte(9)) + 1))) break;
      } else if (block === 0x21) {
        if (!(yield* feed.skip(2))) break;
      } else {
        return noMedia('A GIF with a block that none has');
      }
      if (!(yield* skipSubBlocks(feed))) break;
      if (block === 0x2c) hasPicture = true;
    }
  }
  return hasPicture
    ? { container: 'gif', picture: true, whole: false, note: 'It ends before its trailer' }
    : cutShort('gif', 'It ends before its picture');
}

function* skipSubBlocks(feed: Feed): Parser<boolean> {
  while (yield* feed.need(1)) {
    const size = feed.byte();
    if (!(yield* feed.skip(1 + size))) return false;
    if (size === 0) return true;
  }
  return false;
}
