import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { AssetKind } from '../../../core/assets.ts';
import { id3 } from './parts.ts';
import { fixture, read, recognise } from './recognise.ts';

const song = fixture('song.mp3');
const picture = fixture('cover.jpg');
const wav = fixture('song.wav');
const firstFrame = song.indexOf(Buffer.from([0xff, 0xfb]));
const audioFrames = song.subarray(
  song.indexOf(Buffer.from([0xff, 0xfb]), song.indexOf('Info') + 120),
);

/** Where the Info header was, one of Fraunhofer's encoder: it announces `frames` and `bytes`. */
function vbri(frames: number, bytes: number): Buffer {
  const next = song.length - audioFrames.length;
  const head = Buffer.from(song.subarray(firstFrame, next)).fill(0, 4);
  head.write('VBRI\0\x01', 36, 'latin1');
  head.writeUInt32BE(bytes, 46);
  head.writeUInt32BE(frames, 50);
  return Buffer.concat([head, audioFrames]);
}
const frameCount = song.readUInt32BE(song.indexOf('Info') + 8);
const announcedBytes = song.readUInt32BE(song.indexOf('Info') + 12);

/** A WAV file whose sizes say `size`, as of a stream. */
function streamed(size: number): Buffer {
  const file = Buffer.from(wav);
  file.writeUInt32LE(size, 4);
  file.writeUInt32LE(size, file.indexOf('data') + 4);
  return file;
}

function bw64(): Buffer {
  const file = Buffer.from(read('cases/audio-wav-rf64.bin'));
  file.write('BW64', 0, 'latin1');
  return file;
}

/** JPEG allows any number of FF before a marker (ITU-T T.81, B.1.1.2). */
const filled = Buffer.concat([picture.subarray(0, 2), Buffer.alloc(5, 0xff), picture.subarray(2)]);

const accepted: [what: string, AssetKind, Buffer, extension: string][] = [
  ['an ID3 tag of 1 MB', 'audio', Buffer.concat([id3(1 << 20), song]), 'mp3'],
  ['two ID3 tags', 'audio', Buffer.concat([id3(300), id3(5000), song]), 'mp3'],
  ['a tag behind', 'audio', Buffer.concat([song, Buffer.from('TAG'.padEnd(128))]), 'mp3'],
  ['a VBRI header', 'audio', vbri(frameCount, announcedBytes), 'mp3'],
  ['streamed WAV of size 0', 'audio', streamed(0), 'wav'],
  ['streamed WAV of size FFFFFFFF', 'audio', streamed(0xffff_ffff), 'wav'],
  ['BW64', 'audio', bw64(), 'wav'],
  ['JPEG with fill bytes', 'cover', filled, 'jpg'],
  ['JPEG with zeros behind', 'cover', Buffer.concat([picture, Buffer.alloc(2000)]), 'jpg'],
  ['JPEG with text behind', 'cover', Buffer.concat([picture, Buffer.alloc(3000, 'junk')]), 'jpg'],
];

for (const [what, kind, file, extension] of accepted) {
  test(`${what} is accepted`, () => {
    for (const chunk of [1, 997, file.length]) {
      if (chunk === 1 && file.length > 400_000) continue;
      const { outcome, type, reason } = recognise(kind, file, chunk);
      assert.deepEqual([outcome, type?.extension], ['accepted', extension], reason);
    }
  });
}

test('a VBRI header that announces more than there is: not whole', () => {
  const { code, whole } = recognise('audio', vbri(frameCount * 2, announcedBytes * 2));
  assert.deepEqual([code, whole], ['provider_truncated', false]);
});

test('a JPEG without its end: not whole, whatever fills it', () => {
  const { code } = recognise('cover', filled.subarray(0, filled.length - 2));
  assert.equal(code, 'provider_truncated');
});
