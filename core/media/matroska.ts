import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

const ids = {
  header: 0x1a45dfa3,
  docType: 0x4282,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  track: 0xae,
  trackType: 0x83,
  codec: 0x86,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
} as const;
const containers: readonly number[] = [
  ids.header,
  ids.segment,
  ids.info,
  ids.tracks,
  ids.track,
  ids.cluster,
];
const webmCodecs = /^(A_OPUS|A_VORBIS|V_VP8|V_VP9|V_AV1)/;
/** They are not larger than what they are in, or no player opens the file. */
const strict: readonly number[] = [ids.header, ids.info, ids.tracks, ids.track];
/** Values that are read are never longer. */
const maxValue = 64;

/** WebM, and Matroska that holds nothing else than WebM may (RFC 9559): from element to element. */
export function* parseMatroska(feed: Feed, begin: () => void): Parser<Found> {
  const start = feed.position;
  let [type, scale, duration, lastCluster, blocks, segmentEnd] = [0, 1_000_000, 0, 0, 0, 0];
  const codecs: { type: number; codec: string }[] = [];
  const ends: number[] = [];
  let isCut = false;
  let isOpen = false;
  while (yield* feed.need(1)) {
    if (segmentEnd > 0 && feed.position >= segmentEnd) break;
    const element = yield* elementHere(feed);
    if (element === undefined) {
      isCut = blocks === 0 || segmentEnd > feed.position || feed.available < 12;
      break;
    }
    const { id, size, headerBytes } = element;
    const end = feed.position + headerBytes + (size ?? 0);
    while (ends.length > 0 && feed.position >= (ends.at(-1) as number)) ends.pop();
    if (end > (ends.at(-1) ?? end)) return noMedia('An element that is larger than what it is in');
    if (feed.position === start) begin();
    if (strict.includes(id) && size !== undefined) ends.push(end);
    if (containers.includes(id)) {
      feed.drop(headerBytes);
      if (id === ids.segment && size !== undefined) segmentEnd = feed.position + size;
      if (id === ids.segment && size === undefined) isOpen = true;
      if (id === ids.track) codecs.push({ type: 0, codec: '' });
      continue;
    }
    if (size === undefined) return noMedia('An element without a size');
    if (size <= maxValue) {
      if (!(yield* feed.need(headerBytes + size))) {
        isCut = true;
        break;
      }
      const last = codecs.at(-1);
      if (id === ids.docType && !/^(webm|matroska)/.test(feed.text(headerBytes, size))) {
        return noMedia('EBML that is no WebM');
      }
      if (id === ids.timestampScale) scale = unsigned(feed, headerBytes, size);
      if (id === ids.duration) duration = float(feed, headerBytes, size);
      if (id === ids.timestamp) lastCluster = unsigned(feed, headerBytes, size);
      if (id === ids.trackType && last !== undefined) last.type = unsigned(feed, headerBytes, size);
      if (id === ids.codec && last !== undefined) last.codec = feed.text(headerBytes, size);
    }
    if (!(yield* feed.skip(headerBytes + size))) {
      isCut = true;
      break;
    }
    if (id === ids.simpleBlock || id === ids.blockGroup) blocks += 1;
  }
  yield* feed.drain();
  type = codecs.length;
  if (type === 0 || blocks === 0) return cutShort('webm', 'No track with blocks');
  const foreign = codecs.find((track) => track.type <= 2 && !webmCodecs.test(track.codec));
  if (foreign !== undefined) return noMedia(`Matroska with ${foreign.codec}, which WebM has not`);
  const whole = isCut || feed.position < segmentEnd ? false : isOpen ? undefined : true;
  return {
    container: 'webm',
    sound: codecs.some((track) => track.type === 2),
    picture: codecs.some((track) => track.type === 1),
    whole,
    note: whole === false ? 'It ends within its segment' : undefined,
    durationSeconds: ((duration > 0 ? duration : lastCluster) * scale) / 1e9 || undefined,
  };
}

function* elementHere(feed: Feed) {
  const idBytes = Math.clz32(feed.byte()) - 23;
  if (idBytes > 4 || !(yield* feed.need(idBytes + 1))) return undefined;
  const sizeBytes = Math.clz32(feed.byte(idBytes)) - 23;
  if (sizeBytes > 8 || !(yield* feed.need(idBytes + sizeBytes))) return undefined;
  const mask = 2 ** (8 - sizeBytes) - 1;
  let size = feed.byte(idBytes) & mask;
  let isUnknown = size === mask;
  for (let i = 1; i < sizeBytes; i++) {
    const byte = feed.byte(idBytes + i);
    isUnknown &&= byte === 0xff;
    size = size * 256 + byte;
  }
  return {
    id: unsigned(feed, 0, idBytes),
    size: isUnknown ? undefined : size,
    headerBytes: idBytes + sizeBytes,
  };
}

function unsigned(feed: Feed, at: number, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value = value * 256 + feed.byte(at + i);
  return value;
}

function float(feed: Feed, at: number, bytes: number): number {
  const part = feed.peek(at + bytes).subarray(at);
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const value = bytes === 8 ? view.getFloat64(0) : bytes === 4 ? view.getFloat32(0) : 0;
  return Number.isFinite(value) ? value : 0;
}
