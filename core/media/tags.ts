import type { Feed, Parser } from './feed.ts';

/** Bytes that suffice to see a tag, and how long it is. */
export const tagHeadBytes = 32;

/**
 * Bytes of the tag that begins here, or 0: ID3v2 (id3.org, ID3v2.4 structure, 3.1), ID3v1 and its extension,
 * APEv1 and v2, Lyrics3, a UTF-8 byte-order mark. Lyrics3 has its length at its end only: it lasts to the end.
 */
export function tagLength(feed: Feed): number {
  switch (feed.byte()) {
    case 0x49:
      return feed.startsWith('ID3') ? id3Length(feed) : 0;
    case 0x41:
      return feed.startsWith('APETAGEX') ? apeLength(feed) : 0;
    case 0x54:
      if (feed.startsWith('TAG+')) return 227;
      return feed.startsWith('TAG') ? 128 : 0;
    case 0x4c:
      return feed.startsWith('LYRICSBEGIN') ? Number.MAX_SAFE_INTEGER : 0;
    case 0xef:
      return feed.byte(1) === 0xbb && feed.byte(2) === 0xbf ? 3 : 0;
    default:
      return 0;
  }
}

function id3Length(feed: Feed): number {
  if (feed.available < 10 || feed.byte(3) === 0xff || feed.byte(4) === 0xff) return 0;
  let size = 0;
  for (let at = 6; at < 10; at++) {
    if (feed.byte(at) > 0x7f) return 0;
    size = size * 0x80 + feed.byte(at);
  }
  const hasFooter = (feed.byte(5) & 0x10) !== 0;
  return size + (hasFooter ? 20 : 10);
}

function apeLength(feed: Feed): number {
  // The size counts items and footer; bit 29 of the flags marks a header, which it does not count.
  const isHeader = (feed.byte(23) & 0x20) !== 0;
  return isHeader ? feed.u32le(12) + 32 : 32;
}

/** Skips tags and zeros. False: the file ends within a tag. */
export function* skipTags(feed: Feed): Parser<boolean> {
  for (;;) {
    yield* feed.need(tagHeadBytes);
    if (feed.available === 0) return true;
    const length = tagLength(feed);
    if (length > 0) {
      if (!(yield* feed.skip(length))) return length === Number.MAX_SAFE_INTEGER;
    } else if (feed.byte() === 0 && !isBoxType(feed.text(4, 4))) {
      feed.drop(leadingZeros(feed.peek()));
    } else {
      return true;
    }
  }
}

/** Types of boxes that an ISO file may begin with. A box begins with its length, which begins with zeros. */
export const isBoxType = (type: string): boolean =>
  /^(ftyp|styp|moov|moof|mdat|free|skip|wide|sidx|pnot|uuid|junk|PICT)$/.test(type);

export function leadingZeros(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at;
}
