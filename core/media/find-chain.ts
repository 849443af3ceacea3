import type { Feed, Parser } from './feed.ts';
import { type FrameKind, frameKind, freeFormat } from './mpeg-header.ts';
import { fitsItsFrame, isSelfContained } from './side-info.ts';
import { leadingZeros, tagHeadBytes } from './tags.ts';

/** Frames that follow each other before a stream is believed; random bytes manage two of them. */
const chainFrames = 4;
/** Bytes that are looked through for a first frame. Zeros and tags do not count. */
const searchBytes = 1024 * 1024;
const maxFreeFrame = 8192;
/** The standard ends at 448 kbit/s; encoders go to 640. Periodic samples of another format look like frames of more. */
const maxFreeBitrate = 640_000;
/** Streams without a bitrate that are looked for: each look costs as much as some thousand bytes. */
const maxFreeLooks = 64;

/** Bytes that are neither frames nor tags nor zeros: before the first frame, and behind it. */
export interface Junk {
  before: number;
  behind: number;
  /** Bytes of frames. */
  covered: number;
  freeLooks: number;
}

/** Steps to the first frame of the next chain. Undefined: there is none before the end, or not soon enough. */
export function* findChain(
  feed: Feed,
  junk: Junk,
  container: 'mp3' | 'aac' | undefined,
): Parser<FrameKind | undefined> {
  for (;;) {
    yield* feed.need(4);
    if (feed.available < 4) {
      skipJunk(feed, junk, container, feed.available);
      return undefined;
    }
    const skipped = beforeHeader(feed.peek());
    if (skipped > 0) {
      skipJunk(feed, junk, container, skipped);
      if (junk.before > searchBytes && container === undefined) return undefined;
      if (junk.behind > junk.covered + searchBytes) return undefined;
      continue;
    }
    const kind = yield* chainHere(feed, junk);
    if (kind !== undefined && (container === undefined || kind.container === container)) {
      return kind;
    }
    skipJunk(feed, junk, container, 1);
  }
}

/** Bytes until what may be a header; without one, until what may be the beginning of one. */
function beforeHeader(bytes: Uint8Array): number {
  const last = bytes.length - 4;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (at > last) return at;
    const next = bytes[at + 1] as number;
    if (next < 0xe0) continue;
    const word = 0xff000000 | (next << 16) | ((bytes[at + 2] as number) << 8);
    if (frameKind(word | (bytes[at + 3] as number)) !== undefined) return at;
  }
  return bytes.length;
}

function skipJunk(
  feed: Feed,
  junk: Junk,
  container: 'mp3' | 'aac' | undefined,
  bytes: number,
): void {
  const isZeros = leadingZeros(feed.peek(bytes)) === bytes;
  if (!isZeros) junk[container === undefined ? 'before' : 'behind'] += bytes;
  feed.drop(bytes);
}

/** The kind of a chain of frames that begins with the first byte that is available. */
function* chainHere(feed: Feed, junk: Junk): Parser<FrameKind | undefined> {
  let kind = frameKind(feed.u32() | 0);
  if (kind === undefined) return undefined;
  const isFree = kind.container === 'mp3' && ((feed.u32() >>> 12) & 15) === 0;
  if (isFree) {
    if (kind.layer !== 3 || ++junk.freeLooks > maxFreeLooks) return undefined;
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
    if (isFree && !((yield* feed.need(at + 40)) && fitsItsFrame(feed, at, kind, size))) {
      return undefined;
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
  const bytes = feed.peek(maxFreeFrame);
  for (let at = bytes.indexOf(0xff, 48); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (at + 4 > bytes.length) return undefined;
    if (((feed.u32(at) ^ word) & mask) !== 0) continue;
    const size = at - ((word >>> 9) & 1);
    const bitrate = (size * 8 * kind.rate) / kind.samples;
    return bitrate <= maxFreeBitrate ? freeFormat(kind, size) : undefined;
  }
  return undefined;
}
