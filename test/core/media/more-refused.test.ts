import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test } from 'vitest';
import type { AssetKind } from '../../../core/assets.ts';
import type { FailureCode } from '../../../core/failure.ts';
import { chunk, format, id3, pngChunk, riff } from './parts.ts';
import { random } from './random.ts';
import { fixture, read, recognise } from './recognise.ts';

const mp3 = fixture('song.mp3');
const m4a = fixture('song.m4a');
const png = fixture('cover.png');
const jpeg = fixture('cover.jpg');
const noise = random(1).bytes(60_000);

/** The frame that announces the others, and none of them; it counts itself. */
function announcing(): Buffer {
  const first = mp3.indexOf(Buffer.from([0xff, 0xfb]));
  const next = mp3.indexOf(Buffer.from([0xff, 0xfb]), mp3.indexOf('Info') + 120);
  const frame = Buffer.from(mp3.subarray(first, next));
  frame.writeUInt32BE(1, frame.indexOf('Info') + 8);
  frame.writeUInt32BE(frame.length, frame.indexOf('Info') + 12);
  return frame;
}

/** As DTS and raw samples do: what looks like a header without a bitrate comes again and again. */
const periodic = (header: number[]): Buffer =>
  Buffer.concat(
    Array.from({ length: 300 }, () =>
      Buffer.concat([Buffer.from(header), Buffer.alloc(700, 0x5a)]),
    ),
  );

/** A PNG of this colour type and depth, its checksum right. */
const pngOf = (depth: number, colours: number): Buffer => {
  const head = Buffer.from(png.subarray(16, 29));
  head[8] = depth;
  head[9] = colours;
  return Buffer.concat([png.subarray(0, 8), pngChunk('IHDR', head), png.subarray(33)]);
};

const renamed = (file: Buffer, from: string, to: string): Buffer => {
  const copy = Buffer.from(file);
  for (let at = copy.indexOf(from); at >= 0; at = copy.indexOf(from, at))
    copy.write(to, at, 'latin1');
  return copy;
};
const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
const html = '<!doctype html><html><title>Denied</title></html>'.repeat(60);

const refused: [what: string, AssetKind, Buffer, FailureCode][] = [
  ['a frame that announces none but itself', 'audio', announcing(), 'provider_truncated'],
  ['it behind a tag', 'audio', Buffer.concat([id3(100), announcing()]), 'provider_truncated'],
  [
    'WAV with a list and no samples',
    'audio',
    riff(
      format,
      chunk('data', Buffer.alloc(0)),
      chunk('LIST', Buffer.from('INFOISFT\x06\0\0\0Lavf59')),
    ),
    'provider_truncated',
  ],
  ['WAV without a format', 'audio', riff(chunk('data', noise)), 'provider_truncated'],
  [
    'a zip with an mp3 in it',
    'audio',
    Buffer.concat([Buffer.from('PK\x03\x04'.padEnd(40, '\0'), 'latin1'), mp3]),
    'media_unrecognised',
  ],
  [
    'an AVI with an mp3 in it',
    'audio',
    Buffer.concat([Buffer.from('RIFF\0\0\x10\0AVI LIST', 'latin1'), mp3]),
    'media_unrecognised',
  ],
  ['an mp3 that was compressed', 'audio', gzipSync(mp3), 'media_unrecognised'],
  ['an mp3 in base64', 'audio', Buffer.from(mp3.toString('base64')), 'media_unrecognised'],
  [
    'headers without a bitrate, the second layer',
    'audio',
    periodic([0xff, 0xf4, 0, 0]),
    'media_unrecognised',
  ],
  [
    'headers without a bitrate, the third layer',
    'audio',
    periodic([0xff, 0xfb, 0, 0]),
    'media_unrecognised',
  ],
  [
    'headers and nothing else',
    'audio',
    Buffer.alloc(8000, Buffer.from([0xff, 0xfb, 0x90, 0x64])),
    'media_unrecognised',
  ],
  [
    'a song between the lengths of its chunks',
    'audio',
    Buffer.concat([Buffer.from('20000\r\n'), mp3]),
    'media_unrecognised',
  ],
  [
    'a playlist',
    'audio',
    Buffer.from('#EXTM3U\n#EXTINF:10,\na.ts\n'.repeat(50)),
    'media_unrecognised',
  ],
  ['a page with a byte-order mark', 'audio', Buffer.from(`\ufeff${html}`), 'media_unrecognised'],
  ['a page in UTF-16', 'audio', Buffer.from(`\ufeff${html}`, 'utf16le'), 'media_unrecognised'],
  ['encrypted sound', 'audio', renamed(m4a, 'mp4a', 'enca'), 'media_unrecognised'],
  ['encrypted sound of another shop', 'audio', renamed(m4a, 'mp4a', 'drms'), 'media_unrecognised'],
  [
    'encrypted pictures',
    'video',
    renamed(fixture('video.mp4'), 'avc1', 'encv'),
    'media_unrecognised',
  ],
  [
    'the first part of a fragmented file',
    'audio',
    (() => {
      const file = read('cases/audio-m4a-fragmented.bin');
      return file.subarray(0, file.indexOf('moof') - 4);
    })(),
    'provider_truncated',
  ],
  ['PNG of a colour type that none has', 'cover', pngOf(8, 5), 'media_unrecognised'],
  ['PNG of a depth that none has', 'cover', pngOf(3, 2), 'media_unrecognised'],
  [
    'PNG without a picture',
    'cover',
    Buffer.concat([png.subarray(0, 33), pngChunk('IDAT', Buffer.alloc(0)), png.subarray(-12)]),
    'media_unrecognised',
  ],
  [
    'PNG whose picture has a wrong checksum',
    'cover',
    Buffer.concat([png.subarray(0, 33), pngChunk('IDAT', noise, true), png.subarray(-12)]),
    'media_unrecognised',
  ],
  [
    'JPEG of an empty scan',
    'cover',
    Buffer.concat([jpeg.subarray(0, scan + 14), jpeg.subarray(-2)]),
    'provider_truncated',
  ],
  [
    'JPEG of a header and noise',
    'cover',
    Buffer.concat([jpeg.subarray(0, 20), noise]),
    'media_unrecognised',
  ],
  ['SVG', 'cover', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'media_unrecognised'],
];

for (const [what, kind, file, code] of refused) {
  test(`${what}: refused`, () => {
    for (const size of [1, 997, file.length]) {
      const verdict = recognise(kind, file, size);
      assert.deepEqual([verdict.outcome, verdict.code], ['refused', code], verdict.reason);
    }
  });
}
