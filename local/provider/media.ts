import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** The real media files that the demo provider can serve. */
export const mediaFiles = [
  'song.mp3',
  'song.wav',
  'song.flac',
  'song.m4a',
  'song.ogg',
  'cover.jpg',
  'cover.png',
  'cover.webp',
  'video.mp4',
  'video.webm',
] as const;
export type MediaFile = (typeof mediaFiles)[number];

/**
 * A real media file with `label` written into it in a way that its format allows, so that no two
 * labels give the same bytes and a comparison of bytes cannot succeed by accident.
 * Formats without a cheap place for a label are refused.
 */
export async function labelledMedia(name: MediaFile, label: string): Promise<Buffer> {
  const file = await mediaFile(name);
  const text = Buffer.from(label);
  switch (name) {
    case 'song.mp3':
      return Buffer.concat([id3(text), file]);
    case 'song.wav':
      return withRiffLength(Buffer.concat([file, riffComment(text)]));
    case 'cover.jpg':
      return insert(
        file,
        2,
        Buffer.concat([Buffer.from([0xff, 0xfe]), u16(text.length + 2), text]),
      );
    case 'cover.png':
      return insert(file, 33, pngText(text));
    case 'song.m4a':
    case 'video.mp4':
      return Buffer.concat([file, u32(text.length + 8), Buffer.from('free'), text]);
    default:
      throw new Error(`${name} cannot be labelled`);
  }
}

/** A real media file as it is. */
export const mediaFile = (name: MediaFile): Promise<Buffer> =>
  readFile(new URL(`media/${name}`, import.meta.url));

/** An ID3v2.3 tag with one title frame (id3.org, ID3v2.3.0, 3.1 and 4.2). */
function id3(text: Buffer): Buffer {
  const frame = Buffer.concat([
    Buffer.from('TIT2'),
    u32(text.length + 1),
    Buffer.from([0, 0, 0]),
    text,
  ]);
  const synchsafe = [21, 14, 7, 0].map((shift) => (frame.length >> shift) & 0x7f);
  return Buffer.concat([Buffer.from('ID3\x03\x00\x00', 'latin1'), Buffer.from(synchsafe), frame]);
}

/** A LIST chunk with a comment; RIFF chunks are padded to even lengths. */
function riffComment(text: Buffer): Buffer {
  const even = Buffer.concat([text, Buffer.alloc(2 - (text.length % 2))]);
  const comment = Buffer.concat([Buffer.from('ICMT'), u32le(even.length), even]);
  return Buffer.concat([
    Buffer.from('LIST'),
    u32le(comment.length + 4),
    Buffer.from('INFO'),
    comment,
  ]);
}

function withRiffLength(file: Buffer): Buffer {
  file.writeUInt32LE(file.length - 8, 4);
  return file;
}

function pngText(text: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from('tEXtComment\0'), text]);
  return Buffer.concat([u32(typed.length - 4), typed, u32(crc32(typed))]);
}

const insert = (file: Buffer, at: number, part: Buffer): Buffer =>
  Buffer.concat([file.subarray(0, at), part, file.subarray(at)]);

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const u32le = (value: number): Buffer => u32(value).reverse();
