import type { Feed, Parser } from './feed.ts';
import { findChain, type Junk } from './find-chain.ts';
import { cutShort, type Found, noMedia } from './media.ts';
import type { FrameKind } from './mpeg-header.ts';
import { skipTags } from './tags.ts';
import { type Announced, announcement } from './xing.ts';

interface Counts extends Junk {
  frames: number;
  seconds: number;
  /** The last frame is cut. */
  isCut: boolean;
  announced: Announced | undefined;
  /** From the frame that announces on. */
  announcedFrom: number;
}

/** MPEG audio or ADTS: a chain of consistent frames, from hop to hop; what is in the frames is never looked at. */
export function* parseFrames(feed: Feed, begin: (container: 'mp3' | 'aac') => void): Parser<Found> {
  const counts: Counts = {
    frames: 0,
    seconds: 0,
    covered: 0,
    before: 0,
    behind: 0,
    freeLooks: 0,
    isCut: false,
    announced: undefined,
    announcedFrom: 0,
  };
  let container: 'mp3' | 'aac' | undefined;
  for (;;) {
    if (!(yield* skipTags(feed)) || feed.available === 0) break;
    const kind = yield* findChain(feed, counts, container);
    if (kind === undefined) {
      if (feed.available === 0) break;
      return noMedia('No chain of audio frames');
    }
    if (container === undefined) {
      container = kind.container;
      begin(container);
      yield* feed.need(200);
      counts.announced = announcement(feed, kind);
      counts.announcedFrom = feed.position;
      if (counts.announced !== undefined) counts.seconds -= kind.samples / kind.rate;
    }
    yield* followChain(feed, kind, counts);
  }
  return conclude(container, counts, feed);
}

function conclude(container: 'mp3' | 'aac' | undefined, counts: Counts, feed: Feed): Found {
  const { announced, frames, covered, behind, before, isCut } = counts;
  if (container === undefined) return noMedia('No chain of audio frames');
  if (announced !== undefined && frames < 2) {
    return cutShort('mp3', 'Nothing behind the frame that announces others');
  }
  if (behind > covered / 16 || before > Math.max(4 * covered, 8192)) {
    return noMedia(`Only ${covered} of ${feed.position} bytes are audio frames`);
  }
  // Writers differ in whether the frame that announces is one of those that it counts.
  const isShortOfFrames = announced !== undefined && announced.frames > frames - (isCut ? 1 : 0);
  const isShortOfBytes =
    announced !== undefined && announced.bytes > feed.position - counts.announcedFrom;
  const isShort =
    announced !== undefined &&
    (announced.frames > 0 || announced.bytes > 0) &&
    (announced.frames === 0 || isShortOfFrames) &&
    (announced.bytes === 0 || isShortOfBytes);
  const says = announced !== undefined && (announced.frames > 0 || announced.bytes > 0);
  return {
    container,
    sound: true,
    whole: says ? !isShort : undefined,
    note: isShort
      ? `${frames} frames of the ${announced?.frames} that its first frame announces`
      : undefined,
    durationSeconds: counts.seconds,
  };
}

/** Hops from frame to frame until one is missing or cut. */
function* followChain(feed: Feed, kind: FrameKind, counts: Counts): Parser<void> {
  const { mask, pattern } = kind;
  let frames = 0;
  for (;;) {
    // The frames that are here, without a call for each of their bytes: this is the hot path of the whole copy.
    const bytes = feed.peek();
    let at = 0;
    for (let last = bytes.length - 6; at <= last; frames++) {
      const word =
        ((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number);
      if ((word & mask) !== pattern) break;
      const size = kind.size(word, ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number));
      if (size === 0 || at + size > bytes.length) break;
      at += size;
    }
    feed.drop(at);
    counts.covered += at;
    if (feed.available < 6 && !(yield* feed.need(6))) {
      counts.isCut = feed.available > 0 && feed.byte() === 0xff;
      break;
    }
    const word = feed.u32() | 0;
    const size = (word & mask) === pattern ? kind.size(word, feed.u16(4)) : 0;
    if (size === 0) break;
    if (size <= feed.available) {
      feed.drop(size);
    } else if (!(yield* feed.skip(size))) {
      counts.isCut = true;
      break;
    }
    counts.covered += size;
    frames += 1;
  }
  counts.frames += frames;
  counts.seconds += (frames * kind.samples) / kind.rate;
}
