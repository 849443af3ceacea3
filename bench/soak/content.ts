import { readFileSync } from 'node:fs';
import type { MediaFile } from '../../local/provider/media.ts';
import { mediaFiles } from '../../local/provider/media.ts';
import { Random } from './random.ts';

const media = new Map<string, Buffer>(
  mediaFiles.map((name) => [
    name,
    readFileSync(new URL(`../../local/provider/media/${name}`, import.meta.url)),
  ]),
);

export const mediaBytes = (name: MediaFile): Buffer => media.get(name) ?? Buffer.alloc(0);

const filler = Buffer.from(Uint32Array.from({ length: 2 ** 16 }, fillerWords()).buffer);

function fillerWords(): () => number {
  const random = new Random('filler');
  return () => random.next() * 2 ** 32;
}

/** A real media file with a label that no other file has, and noise up to about `bytes`, where its format allows both. */
export function content(name: MediaFile, label: string, bytes: number): Buffer {
  const file = mediaBytes(name);
  const parts = [Buffer.from(label)];
  for (let left = bytes - file.length; left > 0; left -= filler.length) {
    parts.push(filler.subarray(0, left));
  }
  const more = Buffer.concat(parts);
  if (name.startsWith('song')) return Buffer.concat([id3(more.length), more, file]);
  return Buffer.concat([file, freeBox(more.length), more]);
}

/** The header of an ID3v2 tag, which may stand before any sound. */
const id3 = (bytes: number): Buffer =>
  Buffer.from([
    0x49,
    0x44,
    0x33,
    3,
    0,
    0,
    ...[21, 14, 7, 0].map((shift) => (bytes >> shift) & 0x7f),
  ]);

/** The header of an ISO box that is passed over; pictures end before it. */
function freeBox(bytes: number): Buffer {
  const header = Buffer.from('\0\0\0\0free');
  header.writeUInt32BE(bytes + 8);
  return header;
}
