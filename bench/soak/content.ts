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

/** Enough of a file's beginning to recognise it. */
const headBytes = 4200;
const filler = Buffer.from(Uint32Array.from({ length: 2 ** 16 }, fillerWords()).buffer);

function fillerWords(): () => number {
  const random = new Random('filler');
  return () => random.next() * 2 ** 32;
}

/** The beginning of a real media file, a label that no other file has, and noise up to about `bytes`. */
export function content(name: MediaFile, label: string, bytes: number): Buffer {
  const head = mediaBytes(name).subarray(0, headBytes);
  const parts = [head, Buffer.from(label)];
  for (let left = bytes - head.length; left > 0; left -= filler.length) {
    parts.push(filler.subarray(0, left));
  }
  return Buffer.concat(parts);
}
