import type { Feed } from './feed.ts';
import type { FrameKind } from './mpeg-header.ts';

/** What the first frame of an mp3 says of the rest; 0: nothing. */
export interface Announced {
  frames: number;
  /** From the beginning of this frame. */
  bytes: number;
}

/** Bytes from a frame's start to its main data (ISO/IEC 11172-3, 2.4.1.7). */
export function layer3MainData(word: number, { isMpeg1 }: FrameKind): number {
  const isMono = ((word >>> 6) & 3) === 3;
  const checksum = (word >>> 16) & 1 ? 0 : 2;
  return 4 + checksum + (isMpeg1 ? (isMono ? 17 : 32) : isMono ? 9 : 17);
}

/** The Xing, Info or VBRI header of the frame that is available, if it has one. */
export function announcement(feed: Feed, kind: FrameKind): Announced | undefined {
  if (kind.container !== 'mp3' || kind.layer !== 3) return undefined;
  const word = feed.u32() | 0;
  // Some writers place it as if there was no checksum.
  for (const at of [layer3MainData(word, kind), layer3MainData(word | 0x10000, kind)]) {
    if (!feed.startsWith('Xing', at) && !feed.startsWith('Info', at)) continue;
    const flags = feed.u32(at + 4);
    const hasFrames = (flags & 1) !== 0;
    return {
      frames: hasFrames ? feed.u32(at + 8) : 0,
      bytes: flags & 2 ? feed.u32(at + (hasFrames ? 12 : 8)) : 0,
    };
  }
  if (feed.startsWith('VBRI', 36)) return { bytes: feed.u32(46), frames: feed.u32(50) };
  return undefined;
}

/** Whether the side information of a frame that stands alone fits it: it borrows no bits, and needs no more than it has. */
export function isSelfContained(feed: Feed, at: number, kind: FrameKind, size: number): boolean {
  if (kind.layer !== 3) return false;
  const word = feed.u32(at) | 0;
  const mainData = layer3MainData(word, kind);
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
  if (read(kind.isMpeg1 ? 9 : 8) !== 0) return false;
  read(kind.isMpeg1 ? (isMono ? 5 : 3) + 4 * channels : channels);
  let needed = 0;
  for (let granule = 0; granule < (kind.isMpeg1 ? 2 : 1) * channels; granule++) {
    needed += read(12);
    if (read(9) > 288) return false;
    read(kind.isMpeg1 ? 12 : 17);
    read(26);
  }
  return needed <= (size - mainData) * 8;
}
