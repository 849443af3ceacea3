import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Recogniser } from '../../../core/media/recogniser.ts';
import { labelledMedia } from '../../../local/provider/media.ts';

const labelled = [
  ['song.mp3', 'audio', 'mp3'],
  ['song.wav', 'audio', 'wav'],
  ['song.m4a', 'audio', 'm4a'],
  ['cover.jpg', 'cover', 'jpg'],
  ['cover.png', 'cover', 'png'],
  ['video.mp4', 'video', 'mp4'],
] as const;

describe('labelled media', () => {
  for (const [name, kind, extension] of labelled) {
    test(`${name} stays what it is and differs with its label`, async () => {
      const one = await labelledMedia(name, 'track one');
      const recogniser = new Recogniser(kind);
      recogniser.push(one);
      const found = recogniser.end();
      assert.deepEqual([found.outcome, found.type?.extension], ['accepted', extension]);
      assert.notDeepEqual(one, await labelledMedia(name, 'track two'));
      assert.ok(one.includes('track one'));
    });
  }

  test('a format without a place for a label is refused', async () => {
    await assert.rejects(labelledMedia('song.ogg', 'x'), /cannot be labelled/);
  });
});
