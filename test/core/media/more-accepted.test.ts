import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { AssetKind } from '../../../core/assets.ts';
import { chunk, format, id3, pngChunk, riff } from './parts.ts';
import { fixture, read, recognise } from './recognise.ts';

const mp3 = fixture('song.mp3');
const flac = fixture('song.flac');
const ogg = fixture('song.ogg');
const m4a = fixture('song.m4a');
const webm = fixture('video.webm');
const png = fixture('cover.png');
const jpeg = fixture('cover.jpg');
const webp = fixture('cover.webp');
const samples = Buffer.alloc(176_400, 'ab');
const id3v1 = Buffer.from('TAG'.padEnd(128));
const lyrics = Buffer.from(`LYRICSBEGININD0000210LYR00004text000020LYRICS200`);

/** Frames of silence of the first layer, at 128 kbit/s. */
const layer1 = Buffer.concat(
  Array.from({ length: 200 }, () =>
    Buffer.concat([Buffer.from('ffff40c0', 'hex'), Buffer.alloc(132)]),
  ),
);

/** RF64 or BW64 whose writer did not know how long it would be. */
const unsized = (id: string): Buffer =>
  Buffer.concat([
    Buffer.from(`${id}\xff\xff\xff\xffWAVE`, 'latin1'),
    chunk('ds64', Buffer.alloc(28)),
    format,
    Buffer.from('data\xff\xff\xff\xff', 'latin1'),
    samples,
  ]);

/** An ADTS stream as HLS has it, with a tag of its own in each segment. */
function segmented(): Buffer {
  const adts = read('cases/audio-aac-adts-with-10-kb-id3.bin');
  const first = adts.indexOf(Buffer.from([0xff, 0xf1]));
  const parts: Buffer[] = [];
  for (let at = first, frames = 0; at + 7 < adts.length; frames++) {
    const size = (adts.readUIntBE(at + 3, 3) >> 5) & 0x1fff;
    if (frames % 20 === 0) parts.push(id3(73));
    parts.push(adts.subarray(at, at + size));
    at += size;
  }
  return Buffer.concat(parts);
}

/** The ends of JPEG segments are not where the next ones begin. */
const apart = Buffer.concat([jpeg.subarray(0, 20), Buffer.from([0, 0x12, 0]), jpeg.subarray(20)]);

const box = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
};
const withBrand = (brand: string): Buffer => {
  const file = Buffer.from(m4a);
  file.write(brand, 8, 'latin1');
  return file;
};

const accepted: [what: string, AssetKind, Buffer, extension: string][] = [
  ['MPEG audio of the first layer', 'audio', layer1, 'mp3'],
  [
    'an mp3 behind an error that PHP wrote',
    'audio',
    Buffer.concat([Buffer.from('<br />\n<b>Warning</b>: x\n'), mp3]),
    'mp3',
  ],
  [
    'an mp3 behind three megabytes of zeros',
    'audio',
    Buffer.concat([Buffer.alloc(3 << 20), mp3]),
    'mp3',
  ],
  ['two mp3s that were put together', 'audio', Buffer.concat([mp3, mp3]), 'mp3'],
  ['an mp3 with lyrics and a tag behind', 'audio', Buffer.concat([mp3, lyrics, id3v1]), 'mp3'],
  ['ADTS with a tag in each segment', 'audio', segmented(), 'aac'],
  ['FLAC with lyrics and a tag behind', 'audio', Buffer.concat([flac, lyrics, id3v1]), 'flac'],
  ['FLAC with zeros behind', 'audio', Buffer.concat([flac, Buffer.alloc(3000)]), 'flac'],
  ['chained Ogg', 'audio', Buffer.concat([ogg, read('cases/audio-ogg-flac.bin'), ogg]), 'ogg'],
  ['RF64 without sizes', 'audio', unsized('RF64'), 'wav'],
  ['BW64 without sizes', 'audio', unsized('BW64'), 'wav'],
  [
    'WAV with chunks of odd length',
    'audio',
    riff(
      chunk('LIST', Buffer.from('INFOabc')),
      format,
      chunk('data', samples.subarray(1)),
      chunk('LIST', Buffer.from('INFOx')),
    ),
    'wav',
  ],
  [
    'WAV with a large chunk before its format',
    'audio',
    riff(chunk('bext', Buffer.alloc(60_001)), format, chunk('data', samples)),
    'wav',
  ],
  [
    'm4a behind a box of somebody’s own',
    'audio',
    Buffer.concat([box('uuid', Buffer.alloc(24)), m4a]),
    'm4a',
  ],
  ['m4a with a tag behind', 'audio', Buffer.concat([m4a, id3v1]), 'm4a'],
  ...['M4B ', 'qt  ', '3gp4', '3g2a', 'dash', 'XXXX'].map(
    (brand): [string, AssetKind, Buffer, string] => [
      `m4a of brand ${brand}`,
      'audio',
      withBrand(brand),
      'm4a',
    ],
  ),
  ['WebM with zeros behind', 'video', Buffer.concat([webm, Buffer.alloc(100)]), 'webm'],
  [
    'PNG whose text has a wrong checksum',
    'cover',
    Buffer.concat([
      png.subarray(0, 33),
      pngChunk('tEXt', Buffer.from('a\0b'), true),
      png.subarray(33),
    ]),
    'png',
  ],
  ['PNG with text behind', 'cover', Buffer.concat([png, Buffer.from('<html>'.repeat(99))]), 'png'],
  ['JPEG with bytes between its segments', 'cover', apart, 'jpg'],
  ['WebP with bytes behind', 'cover', Buffer.concat([webp, Buffer.alloc(300, 'x')]), 'webp'],
];

for (const [what, kind, file, extension] of accepted) {
  test(`${what} is accepted`, () => {
    for (const size of [1, 997, file.length]) {
      if (size === 1 && file.length > 400_000) continue;
      const { outcome, type, reason } = recognise(kind, file, size);
      assert.deepEqual([outcome, type?.extension], ['accepted', extension], reason);
    }
  });
}
