import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

const standsAlone = (marker: number): boolean =>
  marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Bytes between segments that belong to none: libjpeg warns of them and goes on. */
const maxBetween = 1024;

/** JPEG (ITU-T T.81, annex B): from marker to marker, until the one that ends it. */
export function* parseJpeg(feed: Feed): Parser<Found> {
  let hasSize = false;
  let hasScan = false;
  const ended = (whole: boolean): Found =>
    hasScan
      ? { container: 'jpeg', picture: true, whole, note: whole ? undefined : 'No end marker' }
      : cutShort('jpeg', 'It ends before its picture');
  feed.drop(2);
  let between = 0;
  while (yield* feed.need(2)) {
    const marker = feed.byte(1);
    if (feed.byte() !== 0xff || marker === 0) {
      if (++between > maxBetween) return noMedia('A JPEG without a marker where one has to be');
      feed.drop(1);
      continue;
    }
    if (marker === 0xff) {
      feed.drop(1);
      continue;
    }
    if (marker === 0xd9) {
      yield* feed.drain();
      return ended(true);
    }
    feed.drop(2);
    if (standsAlone(marker)) continue;
    if (!(yield* feed.need(2))) break;
    const length = feed.u16();
    if (length < 2 || marker < 0xc0) return noMedia('A JPEG segment without a length');
    if (isFrame(marker)) {
      if (hasSize) return noMedia('A JPEG of several frames');
      if (!(yield* feed.need(Math.min(length, 8)))) break;
      hasSize = feed.u16(3) > 0 && feed.u16(5) > 0 && length === 8 + 3 * feed.byte(7);
      if (!hasSize || length === 8) return noMedia('A JPEG without dimensions');
    }
    if (marker === 0xc4 || marker === 0xdb) {
      if (!(yield* feed.need(length))) break;
      if (!(marker === 0xc4 ? areHuffmanTables(feed, length) : areQuantisers(feed, length))) {
        return noMedia('A JPEG whose tables do not fill their segment');
      }
    }
    if (marker === 0xda && (yield* feed.need(3)) && length !== 6 + 2 * feed.byte(2)) {
      return noMedia('A JPEG scan of no components');
    }
    if (!(yield* feed.skip(length))) break;
    if (marker !== 0xda) continue;
    if (!hasSize) return noMedia('A JPEG scan before its dimensions');
    const from = feed.position;
    const isComplete = yield* skipScan(feed);
    hasScan ||= feed.position > from;
    if (!isComplete) break;
  }
  return ended(false);
}

/** B.2.4.2: sixteen counts, and as many values as they sum up to. */
function areHuffmanTables(feed: Feed, length: number): boolean {
  let at = 2;
  while (at + 17 <= length) {
    if ((feed.byte(at) & 0xec) !== 0) return false;
    let values = 0;
    for (let i = 1; i <= 16; i++) values += feed.byte(at + i);
    at += 17 + values;
  }
  return at === length;
}

/** B.2.4.1: 64 values of one byte or of two. */
function areQuantisers(feed: Feed, length: number): boolean {
  let at = 2;
  while (at < length) {
    if ((feed.byte(at) & 0xec) !== 0) return false;
    at += 1 + (feed.byte(at) & 0x10 ? 128 : 64);
  }
  return at === length;
}

/** Steps to the next marker that is none of the scan's own. */
function* skipScan(feed: Feed): Parser<boolean> {
  while (yield* feed.need(2)) {
    const bytes = feed.peek();
    let at = bytes.indexOf(0xff);
    for (; at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 2)) {
      const next = bytes[at + 1] ?? 0;
      if (next === 0 || (next >= 0xd0 && next <= 0xd7)) continue;
      feed.drop(at);
      return true;
    }
    // The marker's second byte may be still to come.
    feed.drop(at < 0 ? bytes.length : at);
  }
  return false;
}
