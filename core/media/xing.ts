import type { Feed } from './feed.ts';
import type { FrameKind } from './mpeg-header.ts';
import { layer3MainData } from './side-info.ts';

/** What the first frame of an mp3 says of the rest; 0: nothing. It plays nothing itself. */
export interface Announced {
  frames: number;
  /** From the beginning of this frame. */
  bytes: number;
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
