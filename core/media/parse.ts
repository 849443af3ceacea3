import type { Feed, Parser } from './feed.ts';
import { parseFlac } from './flac.ts';
import { foreignBytes, isForeign } from './foreign.ts';
import { parseFrames } from './frames.ts';
import { parseGif } from './gif.ts';
import { parseIso } from './iso.ts';
import { parseJpeg } from './jpeg.ts';
import { parseMatroska } from './matroska.ts';
import { type Container, cutShort, type Found, noMedia } from './media.ts';
import { parseOgg } from './ogg.ts';
import { parsePng } from './png.ts';
import { parseWave, parseWebp } from './riff.ts';
import { isBoxType, skipTags } from './tags.ts';

/** Reads a whole file. `begin` is told what it is as soon as that is clear. */
export function* parse(feed: Feed, begin: (container: Container) => void): Parser<Found> {
  yield* feed.need(foreignBytes);
  if (isForeign(feed)) return noMedia('A format that is not taken');
  if (!(yield* skipTags(feed))) return cutShort('mp3', 'It ends within a tag');
  yield* feed.need(foreignBytes);
  if (feed.startsWith('fLaC')) return yield* parseFlac(feed, () => begin('flac'));
  if (feed.startsWith('OggS')) return yield* parseOgg(feed, () => begin('ogg'));
  if (/^(RIFF|RF64|BW64)$/.test(feed.text(0, 4)) && feed.startsWith('WAVE', 8)) {
    begin('wav');
    return yield* parseWave(feed);
  }
  if (feed.startsWith('RIFF') && feed.startsWith('WEBP', 8)) {
    begin('webp');
    return yield* parseWebp(feed);
  }
  if (isBoxType(feed.text(4, 4))) return yield* parseIso(feed, begin);
  if (feed.u32() === 0x1a45dfa3) return yield* parseMatroska(feed, () => begin('webm'));
  if (feed.u24() === 0xffd8ff) {
    begin('jpeg');
    return yield* parseJpeg(feed);
  }
  if (feed.startsWith('\x89PNG\r\n\x1a\n')) return yield* parsePng(feed, begin);
  if (feed.startsWith('GIF87a') || feed.startsWith('GIF89a')) {
    begin('gif');
    return yield* parseGif(feed);
  }
  if (isForeign(feed)) return noMedia('A format that is not taken');
  return yield* parseFrames(feed, begin);
}
