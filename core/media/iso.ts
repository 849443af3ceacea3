import type { Feed, Parser } from './feed.ts';
import { isoBox, isoContainers, readBox, readIndex } from './iso-boxes.ts';
import { type Movie, newTrack, type Track } from './iso-movie.ts';
import { cutShort, type Found, noMedia } from './media.ts';

const topLevel =
  /^(ftyp|styp|moov|moof|mdat|free|skip|wide|sidx|ssix|mfra|meta|udta|uuid|pdin|prft|emsg|pnot|PICT|junk|idat)$/;

/** ISO base media (ISO/IEC 14496-12), QuickTime and AVIF: box by box, whose contents are skipped but for what describes them. */
export function* parseIso(feed: Feed, begin: (container: 'iso' | 'avif') => void): Parser<Found> {
  const movie: Movie = {
    tracks: [],
    timescale: 0,
    duration: 0,
    fragmentDuration: 0,
    fragments: 0,
    current: undefined,
    currentTime: 0,
    indexedUntil: 0,
    hasRandomAccess: false,
    hasSize: false,
    isDamaged: false,
  };
  const start = feed.position;
  let container: 'iso' | 'avif' = 'iso';
  let mediaBytes = 0;
  let cut: string | undefined;
  let isOpenEnded = false;
  while (yield* feed.need(8)) {
    const header = yield* isoBox(feed);
    if (header === undefined || !/^[\x20-\x7e\xa9]{4}$/.test(header.type)) {
      // Behind a whole movie anything may stand; in the midst of fragments it is a hole.
      if (movie.fragments > 0 && !movie.hasRandomAccess) cut = 'moof';
      break;
    }
    const { type, size, headerBytes } = header;
    if (type === 'ftyp') {
      if (size > 4096 || size < headerBytes + 8) return noMedia('A brand box that is none');
      if (!(yield* feed.need(size))) return cutShort('iso', 'It ends within its first box');
      const brands = feed.text(headerBytes, size - headerBytes);
      if (/avi[fs]/.test(brands)) container = 'avif';
      else if (/^(hei[cfmsx]|hev[cmsx]|mif1|msf1)/.test(brands)) return noMedia('HEIF');
      begin(container);
    } else if (feed.position === start) {
      begin(container);
    }
    const from = feed.position;
    const end = from + size;
    if (isoContainers.has(type) || (type === 'meta' && container === 'avif')) {
      feed.drop(headerBytes);
      // A full box: version and flags first.
      if (type === 'meta' && (yield* feed.need(4))) feed.drop(4);
      const problem = yield* descend(feed, end, movie, container);
      if (problem !== undefined) return problem;
      if (feed.position < end && !(yield* feed.skip(end - feed.position))) {
        cut = type;
        break;
      }
      if (type === 'moof') movie.fragments += 1;
      continue;
    }
    if (type === 'sidx') yield* readIndex(feed, movie, headerBytes, end);
    if (type === 'mfra') movie.hasRandomAccess = true;
    const isKnown = topLevel.test(type);
    const isComplete = yield* feed.skip(end - feed.position);
    if (type === 'mdat') {
      isOpenEnded = size > Number.MAX_SAFE_INTEGER / 2;
      mediaBytes += feed.position - from - headerBytes;
    }
    if (!isComplete && !isOpenEnded && isKnown) cut = type;
    if (!isComplete) break;
  }
  yield* feed.drain();
  if (container === 'avif') {
    if (!movie.hasSize) return cutShort('avif', 'No picture with a size');
    const whole = cut === undefined && mediaBytes > 0;
    return { container, picture: true, whole, note: cut && `It ends within its ${cut} box` };
  }
  return concludeMovie(movie, mediaBytes, cut, feed.position - start, isOpenEnded);
}

function concludeMovie(
  movie: Movie,
  mediaBytes: number,
  cut: string | undefined,
  bytes: number,
  isOpenEnded: boolean,
): Found {
  const isPlayable = ({ samples }: Track) => samples > 0 || movie.fragments > 0;
  const tracks = movie.tracks.filter(({ format, timescale }) => format !== '' && timescale > 0);
  const of = (handler: string) => tracks.filter((track) => track.handler === handler);
  const sounds = of('soun');
  const pictures = of('vide');
  if (sounds.length + pictures.length === 0) {
    return cutShort('iso', cut ? `It ends within its ${cut} box` : 'No track of sound or picture');
  }
  if (![...sounds, ...pictures].some(isPlayable) || mediaBytes === 0) {
    return cutShort('iso', 'No samples');
  }
  if (movie.isDamaged) return noMedia('A table with more entries than it has room for');
  const needed = tracks.reduce((sum, { sampleBytes }) => sum + sampleBytes, 0);
  const seconds = secondsOf(movie, tracks);
  const announced = movie.fragmentDuration / movie.timescale;
  const note = cut
    ? `It ends within its ${cut} box`
    : needed > mediaBytes
      ? `${mediaBytes} bytes of the ${needed} that its samples have`
      : movie.indexedUntil > bytes
        ? `${bytes} bytes of the ${movie.indexedUntil} that its index names`
        : movie.fragments > 0 && announced > 0 && fragmentSeconds(tracks) < announced * 0.98
          ? 'Fewer fragments than it announces'
          : undefined;
  const isOpen =
    movie.fragments > 0 && !movie.hasRandomAccess && movie.indexedUntil === 0 && !(announced > 0);
  return {
    container: 'iso',
    sound: sounds.some(isPlayable),
    picture: pictures.some(isPlayable),
    encrypted: [...sounds, ...pictures].some(({ format }) => /^(enc[avt]|drm[is])$/.test(format)),
    whole: note !== undefined ? false : isOpen || (isOpenEnded && needed === 0) ? undefined : true,
    note,
    durationSeconds: seconds,
  };
}

const fragmentSeconds = (tracks: readonly Track[]): number =>
  Math.max(0, ...tracks.map(({ fragmentTime, timescale }) => fragmentTime / timescale));

function secondsOf(movie: Movie, tracks: readonly Track[]): number | undefined {
  const own = movie.timescale > 0 ? movie.duration / movie.timescale : 0;
  const seconds = Math.max(own, fragmentSeconds(tracks));
  return seconds > 0 ? seconds : undefined;
}

function* descend(
  feed: Feed,
  end: number,
  movie: Movie,
  container: 'iso' | 'avif',
): Parser<Found | undefined> {
  while (feed.position + 8 <= end) {
    if (!(yield* feed.need(8))) return undefined;
    const header = yield* isoBox(feed);
    if (header === undefined) return feed.u32() === 0 ? undefined : noMedia('A box without a size');
    const boxEnd = feed.position + header.size;
    if (boxEnd > end) return noMedia(`A ${header.type} box that is larger than what it is in`);
    if (
      isoContainers.has(header.type) ||
      (container === 'avif' && /^(iprp|ipco)$/.test(header.type))
    ) {
      if (header.type === 'trak') movie.tracks.push(newTrack());
      feed.drop(header.headerBytes);
      const problem = yield* descend(feed, boxEnd, movie, container);
      if (problem !== undefined) return problem;
    } else {
      yield* readBox(feed, header, boxEnd, movie);
    }
    if (feed.position < boxEnd && !(yield* feed.skip(boxEnd - feed.position))) return undefined;
  }
  return undefined;
}
