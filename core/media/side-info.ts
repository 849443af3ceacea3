import type { Feed } from './feed.ts';
import type { FrameKind } from './mpeg-header.ts';

/** Bytes from a frame's start to its main data (ISO/IEC 11172-3, 2.4.1.7). */
export function layer3MainData(word: number, { isMpeg1 }: FrameKind): number {
  const isMono = ((word >>> 6) & 3) === 3;
  const checksum = (word >>> 16) & 1 ? 0 : 2;
  return 4 + checksum + (isMpeg1 ? (isMono ? 17 : 32) : isMono ? 9 : 17);
}

interface SideInfo {
  /** Bytes of the frames before it that it uses. */
  borrowed: number;
  /** Bits of main data. */
  needed: number;
}

/** The side information of the layer III frame at `at`; undefined: none that a decoder takes. */
function sideInfo(feed: Feed, at: number, kind: FrameKind): SideInfo | undefined {
  const word = feed.u32(at) | 0;
  let bit = (at + 4 + ((word >>> 16) & 1 ? 0 : 2)) * 8;
  const read = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) {
      value = (value << 1) | ((feed.byte(bit >> 3) >> (7 - (bit & 7))) & 1);
    }
    return value;
  };
  const isMono = ((word >>> 6) & 3) === 3;
  const channels = isMono ? 1 : 2;
  const borrowed = read(kind.isMpeg1 ? 9 : 8);
  read(kind.isMpeg1 ? (isMono ? 5 : 3) + 4 * channels : channels);
  let needed = 0;
  for (let granule = 0; granule < (kind.isMpeg1 ? 2 : 1) * channels; granule++) {
    needed += read(12);
    if (read(9) > 288) return undefined;
    read(kind.isMpeg1 ? 12 : 17);
    read(26);
  }
  return { borrowed, needed };
}

/** Whether a frame has room for what its side information says of it. */
export function fitsItsFrame(feed: Feed, at: number, kind: FrameKind, size: number): boolean {
  if (kind.layer !== 3) return false;
  const info = sideInfo(feed, at, kind);
  const room = size - layer3MainData(feed.u32(at) | 0, kind);
  return info !== undefined && info.needed <= (room + info.borrowed) * 8;
}

/** Whether the side information of a frame that stands alone fits it: it borrows no bits, and needs no more than it has. */
export function isSelfContained(feed: Feed, at: number, kind: FrameKind, size: number): boolean {
  return fitsItsFrame(feed, at, kind, size) && sideInfo(feed, at, kind)?.borrowed === 0;
}
