import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { type AssetKind, assetKinds } from '../../core/assets.ts';
import { recognise, sniffBytes, storedMimes } from '../../core/media.ts';

const head = (name: string) =>
  readFileSync(join(import.meta.dirname, '../fixtures', name)).subarray(0, sniffBytes);

describe('the first bytes of a real file tell that it is', () => {
  for (const [kind, name, mime, extension] of [
    ['audio', 'song.mp3', 'audio/mpeg', 'mp3'],
    ['audio', 'song.wav', 'audio/wav', 'wav'],
    ['audio', 'song.flac', 'audio/flac', 'flac'],
    ['audio', 'song.ogg', 'audio/ogg', 'ogg'],
    ['audio', 'song.m4a', 'audio/mp4', 'm4a'],
    ['cover', 'cover.jpg', 'image/jpeg', 'jpg'],
    ['cover', 'cover.png', 'image/png', 'png'],
    ['cover', 'cover.webp', 'image/webp', 'webp'],
    ['video', 'video.mp4', 'video/mp4', 'mp4'],
    ['video', 'video.webm', 'video/webm', 'webm'],
  ] as const) {
    test(`${kind}: ${name} as ${mime}`, async () => {
      const recognition = await recognise(kind, head(name));
      assert.deepEqual(recognition, { outcome: 'accepted', type: { mime, extension } });
      assert.ok(storedMimes(kind).includes(mime));
    });
  }
});

describe('what does not belong into its slot is of the wrong kind', () => {
  for (const [kind, name] of [
    ['audio', 'cover.jpg'],
    ['audio', 'video.webm'],
    ['cover', 'song.mp3'],
    ['cover', 'video.mp4'],
    ['video', 'cover.png'],
    ['video', 'song.flac'],
  ] as [AssetKind, string][]) {
    test(`${name} as ${kind}`, async () => {
      assert.equal((await recognise(kind, head(name))).outcome, 'wrong-kind');
    });
  }
});

test('what is no media file is unknown, or of the wrong kind, and never accepted', async () => {
  const texts = [
    '',
    '<!doctype html><html><body>Not found</body></html>',
    '{"error":"expired"}',
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    '%PDF-1.7',
    'PK\u0003\u0004',
    'ID',
    'RIFF',
  ];
  for (const kind of assetKinds) {
    for (const text of texts) {
      const { outcome } = await recognise(kind, Buffer.from(text));
      assert.notEqual(outcome, 'accepted', `${text} as ${kind}`);
    }
    assert.equal((await recognise(kind, Buffer.alloc(sniffBytes))).outcome, 'unknown');
  }
});
