import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AssetKind } from '../../core/assets.ts';
import type { TrackFiles } from './ground.ts';

const media = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../local/provider/media', name));

const zeros = Buffer.alloc(1024 * 1024);

/** What a file begins with, and what is repeated behind it. */
export interface Content {
  head: Buffer;
  rest: Buffer;
}

/** A file of each kind is whole, and its rest what a player passes by: more frames, a free box, bytes behind the picture. */
export function contentsOf(files: TrackFiles): Record<AssetKind, Content> {
  const song = media('song.mp3');
  // Whole frames, without the tag and the first frame, which announces how many follow.
  const frames = song.subarray(song.indexOf(Buffer.from([0xff, 0xfb]), song.indexOf('Info') + 120));
  const video = media('video.mp4');
  return {
    audio: { head: song, rest: Buffer.concat(Array(32).fill(frames)) },
    cover: { head: media('cover.jpg'), rest: zeros },
    video: {
      head: Buffer.concat([video, freeBox((files.video ?? 0) - video.length)]),
      rest: zeros,
    },
  };
}

function freeBox(bytes: number): Buffer {
  const header = Buffer.from('\0\0\0\0free');
  header.writeUInt32BE(Math.max(8, bytes));
  return header;
}

/** The part of a file that begins behind `sent` bytes: `worth` bytes of it at most. */
export function nextPart({ head, rest }: Content, sent: number, worth: number): Buffer {
  if (sent < head.length) return head.subarray(sent);
  const from = (sent - head.length) % rest.length;
  return rest.subarray(from, Math.min(rest.length, from + worth));
}
