import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { type AssetKind, assetKinds } from '../../../core/assets.ts';
import { Recogniser, storedMimes } from '../../../core/media/recogniser.ts';
import { fixture, read, recognise } from './recognise.ts';

const songs = ['mp3', 'wav', 'flac', 'ogg', 'm4a'];
const whole = [
  ...songs.map((extension) => ['audio', `song.${extension}`, extension] as const),
  ['cover', 'cover.jpg', 'jpg'],
  ['cover', 'cover.png', 'png'],
  ['cover', 'cover.webp', 'webp'],
  ['video', 'video.mp4', 'mp4'],
  ['video', 'video.webm', 'webm'],
] as const;

/** By how a case's name begins; what is not here is refused. */
const right = [
  [/^audio-mp3/, 'mp3'],
  [/^audio-aac/, 'aac'],
  [/^audio-(m4a|mov)/, 'm4a'],
  [/^audio-ogg/, 'ogg'],
  [/^audio-wav/, 'wav'],
  [/^audio-webm/, 'webm'],
  [/^cover-cover-avif/, 'avif'],
  [/^cover-cover-gif/, 'gif'],
] as const;

describe('what is handed over is recognised', () => {
  for (const name of readdirSync(join(import.meta.dirname, 'cases'))) {
    const expected = right.find(([begin]) => begin.test(name))?.[1];
    test(`${name}: ${expected ?? 'refused'}`, () => {
      const kind = name.split('-')[0] as AssetKind;
      for (const chunk of [1, 997, 1_000_000]) {
        const verdict = recognise(kind, read(`cases/${name}`), chunk);
        assert.equal(verdict.outcome, expected === undefined ? 'refused' : 'accepted');
        if (expected !== undefined) assert.equal(verdict.type?.extension, expected);
        else assert.ok(verdict.code !== undefined && verdict.reason !== undefined);
      }
    });
  }

  for (const [what, behind] of [
    ['its cover and nothing behind', Buffer.alloc(0)],
    ['an HTML page behind', Buffer.from('<!doctype html><title>Gone</title>'.repeat(50))],
  ] as const) {
    test(`audio: an ID3 tag of 1 MB with ${what}: refused`, () => {
      const tag = Buffer.concat([
        Buffer.from([0x49, 0x44, 0x33, 3, 0, 0, 0, 0x3d, 4, 0x40]),
        Buffer.alloc(0x3d * 0x4000 + 4 * 0x80 + 0x40, 'A'),
      ]);
      assert.equal(recognise('audio', Buffer.concat([tag, behind])).code, 'media_unrecognised');
      const song = recognise('audio', Buffer.concat([tag, fixture('song.mp3')]), 4096);
      assert.equal(song.type?.extension, 'mp3');
      const lossless = recognise('audio', Buffer.concat([tag, fixture('song.flac')]), 4096);
      assert.equal(lossless.type?.extension, 'flac');
    });
  }
});

describe('a real file', () => {
  for (const [kind, name, extension] of whole) {
    test(`${name} is whole, and half of it or 99 % is not`, () => {
      const file = fixture(name);
      const verdict = recognise(kind, file, 4096);
      assert.deepEqual(
        [verdict.outcome, verdict.type?.extension, verdict.whole],
        ['accepted', extension, true],
      );
      assert.ok(storedMimes(kind).includes(verdict.type?.mime ?? ''));
      assert.equal(kind === 'cover', verdict.durationSeconds === undefined);
      for (const part of [0.5, 0.99]) {
        const cut = recognise(kind, file.subarray(0, Math.floor(file.length * part)), 4096);
        assert.deepEqual(
          [cut.outcome, cut.code, cut.whole],
          ['refused', 'provider_truncated', false],
        );
      }
    });
  }

  test('in the wrong slot is refused before it is read', () => {
    for (const [slot, name] of [
      ['audio', 'cover.jpg'],
      ['cover', 'song.mp3'],
      ['cover', 'video.mp4'],
      ['video', 'cover.png'],
    ] as const) {
      const recogniser = new Recogniser(slot);
      recogniser.push(fixture(name).subarray(0, 4100));
      assert.equal(recogniser.refusal?.code, 'media_wrong_kind', name);
    }
  });
});

test('what is no media is refused', () => {
  for (const kind of assetKinds) {
    for (const body of [
      '<!DOCTYPE html><html>',
      '{"error":"gone"}',
      '<svg xmlns="x"/>',
      '\u0000'.repeat(5000),
    ]) {
      assert.equal(recognise(kind, Buffer.from(body)).code, 'media_unrecognised');
    }
    assert.equal(recognise(kind, Buffer.alloc(0)).code, 'provider_empty');
  }
});

const heads = ['\xff\xfb\x90\x64', '\xff\xf1\x50\x80', 'fLaC', 'OggS', 'ID3\x03\0\0\0\0\0\0', ''];

test('random bytes are no song, whatever they begin with', () => {
  for (let i = 0; i < 2000; i++) {
    const head = Buffer.from(heads[i % heads.length] ?? '', 'latin1');
    const file = Buffer.concat([head, randomBytes(1 + ((i * 37) % 4000))]);
    assert.equal(recognise('audio', file).outcome, 'refused', file.toString('hex'));
  }
});

test('random bytes behind the true beginning of a song are no song', () => {
  const song = [
    fixture('song.mp3'),
    read('cases/audio-aac-adts-with-10-kb-id3.bin'),
    fixture('song.flac'),
    fixture('song.ogg'),
  ];
  for (let i = 0; i < 2000; i++) {
    const file = song[i % song.length] as Buffer;
    const head = file.subarray(0, 200 + ((i * 13) % 4000));
    const verdict = recognise('audio', Buffer.concat([head, randomBytes(head.length + 3000)]));
    assert.equal(verdict.outcome, 'refused', `${i}`);
  }
});
