import { oggChecksum } from './checksums.ts';
import type { Feed, Parser } from './feed.ts';
import { cutShort, type Found, noMedia } from './media.ts';

/** Pages whose checksum is held against their bytes: the first ones, and one in so many after them. */
const firstPages = 8;
const checkedPages = 32;

interface Stream {
  rate: number;
  /** Samples that play before the first one that counts. */
  preskip: number;
  hasEnded: boolean;
  lastGranule: number;
  hasData: boolean;
}

interface Page {
  isFirst: boolean;
  isLast: boolean;
  granule: number | undefined;
  serial: number;
  bytes: number;
}

/** Ogg with Vorbis, Opus, FLAC or Speex (RFC 3533, 5334, 7845): from page to page. */
export function* parseOgg(feed: Feed, begin: () => void): Parser<Found> {
  const streams = new Map<number, Stream>();
  let pages = 0;
  let lost = 0;
  let isCut = false;
  while (yield* feed.need(27)) {
    if (!feed.startsWith('OggS') || feed.byte(4) !== 0) {
      const sounds = [...streams.values()];
      if (sounds.length > 0 && sounds.every((stream) => stream.hasEnded)) break;
      lost += 1;
      if (lost > 65_536 || pages < 2) return noMedia('What follows its first page is none');
      feed.drop(1);
      continue;
    }
    if (!(yield* feed.need(27 + feed.byte(26)))) {
      isCut = true;
      break;
    }
    const page = pageHere(feed);
    const isChecked = pages < firstPages || pages % checkedPages === 0 || page.isLast || lost > 0;
    if (isChecked || page.isFirst) {
      if (!(yield* feed.need(page.bytes))) {
        isCut = true;
        break;
      }
      const bytes = feed.peek(page.bytes);
      const checksum = feed.u32le(22);
      if (checksum !== oggChecksum(bytes)) {
        if (pages < firstPages) return noMedia('A page does not have the checksum that it names');
        lost += 1;
        feed.drop(1);
        continue;
      }
      lost = 0;
      if (page.isFirst) {
        const stream = streamOf(feed);
        if (stream !== undefined) streams.set(page.serial, stream);
      }
    }
    pages += 1;
    if (pages === 2 && streams.size > 0) begin();
    const stream = streams.get(page.serial);
    if (stream !== undefined && !page.isFirst) {
      stream.hasData = true;
      if (page.granule !== undefined && page.granule > 0) stream.lastGranule = page.granule;
    }
    if (!(yield* feed.skip(page.bytes))) {
      isCut = true;
      break;
    }
    if (stream !== undefined && page.isLast) stream.hasEnded = true;
  }
  const sounds = [...streams.values()];
  if (pages < 2 || !sounds.some(({ hasData }) => hasData)) {
    return streams.size === 0 && pages > 1
      ? noMedia('Ogg without sound')
      : cutShort('ogg', 'No page of sound');
  }
  const hasEnded = sounds.every((stream) => stream.hasEnded);
  const seconds = sounds.map(
    ({ lastGranule, preskip, rate }) => Math.max(0, lastGranule - preskip) / rate,
  );
  return {
    container: 'ogg',
    sound: true,
    whole: hasEnded && !isCut,
    note: hasEnded && !isCut ? undefined : 'It ends before its last page',
    durationSeconds: Math.max(...seconds),
  };
}

function pageHere(feed: Feed): Page {
  const flags = feed.byte(5);
  const segments = feed.byte(26);
  let bytes = 27 + segments;
  for (let i = 0; i < segments; i++) bytes += feed.byte(27 + i);
  const high = feed.u32le(10);
  return {
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0,
    // All ones: no packet ends on this page.
    granule: high >= 0x8000_0000 ? undefined : high * 0x1_0000_0000 + feed.u32le(6),
    serial: feed.u32le(14),
    bytes,
  };
}

/** Of the page that is available: the stream that it begins, if it is one of sound. */
function streamOf(feed: Feed): Stream | undefined {
  const at = 27 + feed.byte(26);
  const found = (rate: number, preskip = 0): Stream | undefined =>
    rate > 0 ? { rate, preskip, hasEnded: false, lastGranule: 0, hasData: false } : undefined;
  if (feed.startsWith('\x01vorbis', at)) return found(feed.u32le(at + 12));
  if (feed.startsWith('OpusHead', at)) return found(48_000, feed.u16le(at + 10));
  if (feed.startsWith('Speex   ', at)) return found(feed.u32le(at + 36));
  // The mapping's nine bytes, then `fLaC`, a block header, and STREAMINFO (RFC 9639, 10.1).
  if (feed.startsWith('\x7fFLAC', at)) return found(feed.u24(at + 27) >>> 4);
  return undefined;
}
