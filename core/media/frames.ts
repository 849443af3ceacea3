import type { Feed, Parser } from './feed.ts';
import { type Found, noMedia } from './media.ts';
import { type FrameKind, frameKind, freeFormat } from './mpeg-header.ts';
import { skipTags, tagHeadBytes } from './tags.ts';
import { type Announced, announcement, isSelfContained } from './xing.ts';

/** Frames that follow each other before a stream is believed; random bytes manage two of them. */
const chainFrames = 4;
/** Bytes that are looked through for a first frame. Zeros and tags do not count. */
const searchBytes = 1024 * 1024;
const maxFreeFrame = 8192;
/** The standard ends at 448 kbit/s; encoders go to 640. Periodic samples of another format look like frames of more. */
const maxFreeBitrate = 640_000;

interface Counts {
  frames: number;
  seconds: number;
  covered: number;
  /** Neither frames nor tags nor zeros: before the first frame, and behind it. */
  before: number;
  behind: number;
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
    }
    yield* followChain(feed, kind, counts);
  }
  return conclude(container, counts, feed);
}

function conclude(container: 'mp3' | 'aac' | undefined, counts: Counts, feed: Feed): Found {
  const { announced, frames, covered, behind, before, isCut } = counts;
  if (container === undefined) return noMedia('No chain of audio frames');
  if (behind > covered / 16 || before > Math.max(covered, 8192)) {
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

/** Steps to the first frame of the next chain. Undefined: there is none before the end, or not soon enough. */
function* findChain(
  feed: Feed,
  counts: Counts,
  container: 'mp3' | 'aac' | undefined,
): Parser<FrameKind | undefined> {
  for (;;) {
    yield* feed.need(4);
    if (feed.available < 4) {
      junk(feed, counts, feed.available);
      return undefined;
    }
    const bytes = feed.peek();
    const sync = bytes.indexOf(0xff);
    const skipped = sync < 0 ? bytes.length - 1 : sync;
    if (skipped > 0) {
      // A tag may begin within what is no frame.
      junk(feed, counts, Math.max(1, skipped));
      if (counts.before > searchBytes && container === undefined) return undefined;
      if (counts.behind > counts.covered + searchBytes) return undefined;
      continue;
    }
    // A call for each byte of FF would make a file of nothing else slow.
    const kind = frameKind(feed.u32() | 0) === undefined ? undefined : yield* chainHere(feed);
    if (kind !== undefined && (container === undefined || kind.container === container)) {
      return kind;
    }
    junk(feed, counts, 1);
  }
}

function junk(feed: Feed, counts: Counts, bytes: number): void {
  const part = feed.peek(bytes);
  let zeros = 0;
  for (const byte of part) if (byte === 0) zeros++;
  counts[counts.frames === 0 ? 'before' : 'behind'] += bytes - (zeros === bytes ? bytes : 0);
  feed.drop(bytes);
}

/** The kind of a chain of frames that begins with the first byte that is available. */
function* chainHere(feed: Feed): Parser<FrameKind | undefined> {
  let kind = frameKind(feed.u32() | 0);
  if (kind === undefined) return undefined;
  if (kind.container === 'mp3' && ((feed.u32() >>> 12) & 15) === 0) {
    kind = yield* measureFreeFormat(feed, kind);
    if (kind === undefined) return undefined;
  }
  let at = 0;
  for (let frames = 0; frames < chainFrames; frames++) {
    yield* feed.need(at + tagHeadBytes);
    const left = feed.available - at;
    if (left <= 0 && frames > 0)
      return left === 0 && isEnough(feed, kind, frames) ? kind : undefined;
    const word = feed.u32(at) | 0;
    const size = (word & kind.mask) === kind.pattern ? kind.size(word, feed.u16(at + 4)) : 0;
    if (size === 0 || left < 6) {
      return frames > 0 && tagAt(feed, at) && isEnough(feed, kind, frames) ? kind : undefined;
    }
    at += size;
  }
  return kind;
}

/** Fewer frames than a chain has, and the file ends exactly behind them. */
function isEnough(feed: Feed, kind: FrameKind, frames: number): boolean {
  if (frames >= 3) return true;
  const size = kind.size(feed.u32() | 0, feed.u16(4));
  if (kind.container === 'aac') return frames >= 2;
  return isSelfContained(feed, 0, kind, size);
}

function tagAt(feed: Feed, at: number): boolean {
  return /^(ID3|TAG|APETAGEX|LYRICSBE)/.test(feed.text(at, 8));
}

function* measureFreeFormat(feed: Feed, kind: FrameKind): Parser<FrameKind | undefined> {
  const word = feed.u32() | 0;
  yield* feed.need(maxFreeFrame);
  const mask = kind.mask | 0xf000;
  const last = Math.min(maxFreeFrame, feed.available - 4);
  for (let at = 48; at < last; at++) {
    if (feed.byte(at) === 0xff && ((feed.u32(at) ^ word) & mask) === 0) {
      const bytes = at - ((word >>> 9) & 1) * (kind.layer === 1 ? 4 : 1);
      const bitrate = (bytes * 8 * kind.rate) / kind.samples;
      return bitrate <= maxFreeBitrate ? freeFormat(kind, bytes) : undefined;
    }
  }
  return undefined;
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
