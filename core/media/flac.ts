import { crc8, crc16 } from './checksums.ts';
import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

/** Frames at the beginning that are held against their checksums; after them one in so many bytes. */
const firstFrames = 8;
const sampleBytes = 1024 * 1024;
const step = 64 * 1024;
/** Attempts to find a frame in one window. */
const maxAttempts = 64;

interface StreamInfo {
  blockSize: number;
  maxFrame: number;
  rate: number;
  /** 0: unknown. */
  samples: number;
}

interface Frame {
  /** Samples of the stream up to its end. */
  until: number;
  end: number;
}

/** FLAC (RFC 9639), from `fLaC` on: the first frames and the last one by their checksums, samples of those between. */
export function* parseFlac(feed: Feed, begin: () => void): Parser<Found> {
  if (!(yield* feed.need(42))) return cutShort('flac', 'It ends within its first header');
  if ((feed.byte(4) & 0x7f) !== 0 || feed.u24(5) !== 34) return noMedia('FLAC without STREAMINFO');
  const info = streamInfo(feed);
  if (info.rate === 0 || info.blockSize < 16) return noMedia('A STREAMINFO that no stream has');
  feed.drop(4);
  for (let isLast = false; !isLast; ) {
    if (!(yield* feed.need(4))) return cutShort('flac', 'It ends within its metadata');
    isLast = (feed.byte() & 0x80) !== 0;
    if ((feed.byte() & 0x7f) === 127) return noMedia('A metadata block that no stream has');
    if (!(yield* feed.skip(4 + feed.u24(1)))) {
      return cutShort('flac', 'It ends within its metadata');
    }
  }
  const window = Math.min(Math.max(2 * info.maxFrame, 64 * 1024), 1024 * 1024);
  const isLong = yield* feed.need(window);
  let view = feed.peek();
  let at = 0;
  let verified = 0;
  let last: Frame | undefined;
  while (verified < firstFrames) {
    const frame = frameAt(view, at, info, feed.ended);
    if (frame === undefined) break;
    verified += 1;
    last = frame;
    at = frame.end;
  }
  if (last === undefined) {
    return isLong ? noMedia('No frame with a right checksum') : cutShort('flac', 'No whole frame');
  }
  if (verified < 2 && isLong) return noMedia('No frame with a right checksum');
  begin();
  let unseen = 0;
  while (yield* feed.need(window + step)) {
    feed.drop(step);
    unseen += step;
    if (unseen < sampleBytes) continue;
    unseen = 0;
    if (nextFrame(feed.peek(), 0, info, false) === undefined) {
      return noMedia(`No frame with a right checksum near byte ${feed.position}`);
    }
  }
  view = feed.peek();
  const end = lastFrame(view, info);
  if (end === undefined) return cutShort('flac', 'No whole frame at its end');
  const rest = view.subarray(end.end);
  const isCut = rest.length > 0 && !isTag(rest);
  const isShort = isCut ? end.until < info.samples || info.samples === 0 : end.until < info.samples;
  return {
    container: 'flac',
    sound: true,
    whole: isShort ? false : info.samples > 0 ? true : undefined,
    note: isShort ? `${end.until} samples of ${info.samples || 'more'}` : undefined,
    durationSeconds: end.until / info.rate,
  };
}

/** Of the 42 bytes that are available. */
function streamInfo(feed: Feed): StreamInfo {
  return {
    blockSize: feed.u16(8),
    maxFrame: feed.u24(15),
    rate: feed.u24(18) >>> 4,
    samples: (feed.byte(21) & 15) * 0x1_0000_0000 + feed.u32(22),
  };
}

const isTag = (bytes: Uint8Array): boolean =>
  /^(TAG|ID3|APETAGEX|LYRICSBE|\0)/.test(String.fromCharCode(...bytes.subarray(0, 8)));

/** The frame that begins here, if its checksums are right. Its end is another frame, a tag, or the end of the file. */
function frameAt(
  view: Uint8Array,
  start: number,
  info: StreamInfo,
  isEnd: boolean,
): Frame | undefined {
  const header = headerAt(view, start, info);
  if (header === undefined) return undefined;
  let checksum = crc16(view, start, header.end);
  for (let at = header.end; at < view.length; at++) {
    if (checksum === 0 && isFrameEnd(view, at, info)) return { until: header.until, end: at };
    checksum = crc16(view, at, at + 1, checksum);
  }
  return checksum === 0 && isEnd ? { until: header.until, end: view.length } : undefined;
}

function isFrameEnd(view: Uint8Array, at: number, info: StreamInfo): boolean {
  const byte = view[at];
  if (byte === 0xff) return headerAt(view, at, info) !== undefined;
  return (
    (byte === 0x54 || byte === 0x41 || byte === 0x49 || byte === 0x4c) &&
    isTag(view.subarray(at, at + 8))
  );
}

/** The first whole frame at or behind `from`. */
function nextFrame(
  view: Uint8Array,
  from: number,
  info: StreamInfo,
  isEnd: boolean,
): Frame | undefined {
  let at = view.indexOf(0xff, from);
  for (let attempts = 0; at >= 0 && attempts < maxAttempts; at = view.indexOf(0xff, at + 1)) {
    if (headerAt(view, at, info) === undefined) continue;
    attempts += 1;
    const frame = frameAt(view, at, info, isEnd);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

function lastFrame(view: Uint8Array, info: StreamInfo): Frame | undefined {
  let last: Frame | undefined;
  for (;;) {
    const next =
      (last && frameAt(view, last.end, info, true)) ?? nextFrame(view, last?.end ?? 0, info, true);
    if (next === undefined) return last;
    last = next;
  }
}

/** The header here, if its checksum is right: where it ends, and the samples of the stream up to its frame's end. */
function headerAt(
  view: Uint8Array,
  start: number,
  info: StreamInfo,
): { end: number; until: number } | undefined {
  if (view[start] !== 0xff || ((view[start + 1] ?? 0) & 0xfe) !== 0xf8) return undefined;
  const isVariable = ((view[start + 1] ?? 0) & 1) === 1;
  const sizeCode = (view[start + 2] ?? 0) >> 4;
  const rateCode = (view[start + 2] ?? 0) & 15;
  if (sizeCode === 0 || rateCode === 15 || (view[start + 3] ?? 1) & 1) return undefined;
  let at = start + 4;
  const first = view[at++] ?? 0xff;
  const more = first < 0x80 ? 0 : Math.clz32(~(first << 24)) - 1;
  if (first === 0xff || (first >= 0x80 && more < 1)) return undefined;
  let number = first < 0x80 ? first : first & (0x3f >> more);
  for (let i = 0; i < more; i++) number = number * 64 + ((view[at++] ?? 0) & 0x3f);
  let size = sizeCode === 1 ? 192 : sizeCode < 6 ? 576 << (sizeCode - 2) : 256 << (sizeCode - 8);
  if (sizeCode === 6) size = (view[at++] ?? 0) + 1;
  if (sizeCode === 7) {
    size = ((view[at] ?? 0) << 8) + (view[at + 1] ?? 0) + 1;
    at += 2;
  }
  if (rateCode === 12) at += 1;
  if (rateCode === 13 || rateCode === 14) at += 2;
  if (at >= view.length || crc8(view, start, at) !== view[at]) return undefined;
  return { end: at + 1, until: (isVariable ? number : number * info.blockSize) + size };
}
