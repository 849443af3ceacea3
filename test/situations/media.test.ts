import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { buckets } from '../../core/assets.ts';
import { maxTries } from '../../core/retry.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import { archiveLambda, deliverTrack } from '../lambdas/archive/deliver.ts';
import {
  files,
  insertTrack,
  readJob,
  readTrack,
  requestsFor,
  serve,
  storedObjects,
} from '../lambdas/tracks.ts';
import { startWorld } from '../lambdas/world.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { wave } from '../support/wave.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../fixtures', name));
const share = (file: Buffer, part: number) => file.subarray(0, Math.floor(file.length * part));
const songs = ['mp3', 'm4a', 'wav', 'flac', 'ogg'].map((each) => `song.${each}`);
const covers = ['png', 'jpg', 'webp'].map((each) => `cover.${each}`);
/** Frames of MPEG audio and nothing that says how many. */
const frames = files.audio.subarray(
  files.audio.indexOf(Buffer.from([0xff, 0xfb]), files.audio.indexOf('Info') + 120),
);
const chunked = { kind: 'chunked' } as const;
const unframed = (file: Buffer): Behaviour => ({
  kind: 'raw',
  bytes: Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'), file]),
});

async function ground(t: Cleanup) {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  return {
    world,
    deliver: (id: string, received = 1) => deliverTrack(world, archive, id, { received }),
  };
}

describe('situation 2: a chunked body that ends in order before the file does is not archived', () => {
  test('a song, a cover, a video', async (t) => {
    const { world, deliver } = await ground(t);
    // The m4a has its moov at the end, the mp4 in front.
    for (const [kind, name] of [
      ...songs.map((each) => ['audio_url', each] as const),
      ...covers.map((each) => ['cover_url', each] as const),
      ['video_url', 'video.mp4'] as const,
    ]) {
      for (const part of [0.5, 0.99]) {
        const what = `${name} to ${part}`;
        const broken = serve(world, share(fixture(name), part), chunked);
        const track = await insertTrack(world, {
          audio_url: serve(world, files.audio),
          [kind]: broken,
        });
        const { delays } = await deliver(track.id);
        assert.equal(delays.length, 1, what);
        const job = await readJob(world, track.id);
        assert.deepEqual([job.status, job.error_code], ['pending', 'provider_truncated'], what);
        const stored = [...(await storedObjects(world)).keys()].filter((each) =>
          each.includes(track.id),
        );
        assert.deepEqual(
          stored,
          kind === 'audio_url' ? [] : [`${buckets.audio.id}/${track.userId}/${track.id}.mp3`],
          what,
        );
      }
    }
  });

  test('the whole file, chunked as well, is archived at the next delivery', async (t) => {
    const { world, deliver } = await ground(t);
    for (const name of songs) {
      const file = fixture(name);
      const url = serve(world, share(file, 0.5), chunked);
      const track = await insertTrack(world, { audio_url: url });
      await deliver(track.id);
      world.provider.serve(url, file, chunked);
      await deliver(track.id, 2);
      assert.equal((await readTrack(world, track.id)).archived_to_storage, true, name);
      assert.equal(requestsFor(world, url), maxTries + 1, 'the format says that it is whole');
    }
  });
});

describe('situation 3: where nothing says where the file ends it is asked for again', () => {
  test('cut at the same byte each time: the format says that it is not whole', async (t) => {
    const { world, deliver } = await ground(t);
    for (const name of songs) {
      const url = serve(world, files.audio, unframed(share(fixture(name), 0.7)));
      const track = await insertTrack(world, { audio_url: url });
      await deliver(track.id);
      assert.equal((await readJob(world, track.id)).error_code, 'provider_truncated', name);
    }
    assert.equal((await storedObjects(world)).size, 0);
  });

  test('a stream that is longer at each request is not archived, one that stays the same is', async (t) => {
    const { world, deliver } = await ground(t);
    let requests = 0;
    const grows = serve(world, files.audio);
    world.provider.serve(grows, () => share(frames, Math.min(1, ++requests / 10)), chunked);
    const growing = await insertTrack(world, { audio_url: grows });
    await deliver(growing.id);
    assert.equal((await readJob(world, growing.id)).error_code, 'provider_truncated');
    assert.equal((await storedObjects(world)).size, 0);
    const stays = serve(world, frames, chunked);
    const made = await insertTrack(world, { audio_url: stays });
    await deliver(made.id);
    assert.equal((await readTrack(world, made.id)).archived_to_storage, true);
    assert.equal(requestsFor(world, stays), 2);
  });
});

describe('situation 22: a good object under its address stays as it is', () => {
  const song = files.audio;
  const whole = { 'content-length': `${song.length}` };
  const ways: [string, Buffer, Behaviour][] = [
    ['cut', song, { kind: 'truncated', after: song.length - 1 }],
    ['reset', song, { kind: 'truncated', after: song.length - 1, by: 'reset' }],
    ['cut by no TLS', song, { kind: 'truncated', after: 20_000, by: 'garbage' }],
    ['longer than announced', song, { kind: 'overlong', more: 'x'.repeat(100) }],
    ['longer than announced by a byte', song, { kind: 'overlong', more: 'x' }],
    ['a page of HTML', song, { kind: 'html' }],
    ['random bytes', song, { kind: 'random', bytes: song.length }],
    [
      'a tail of garbage',
      song,
      {
        kind: 'response',
        headers: whole,
        body: Buffer.concat([
          share(song, 0.5),
          Buffer.alloc(song.length - Math.floor(song.length / 2), '<p>Gone</p>'),
        ]),
      },
    ],
    ['chunked and half', share(song, 0.5), chunked],
    ['chunked and all but a byte', song.subarray(0, -1), chunked],
    ['unframed and half', song, unframed(share(song, 0.5))],
    ['unframed, cut elsewhere each time', song, { kind: 'unframed', cut: 'always' }],
    ['slow, then silent', song, { kind: 'stalled', after: 20_000 }],
    ['no byte', song, { kind: 'empty' }],
    ['an image', files.cover, chunked],
    ['a stub', wave(0.1), chunked],
  ];
  test('whichever way a new source breaks', async (t) => {
    const { world, deliver } = await ground(t);
    const tracks = await Promise.all(
      ways.map(() => insertTrack(world, { audio_url: serve(world, song) })),
    );
    for (const { id } of tracks) await deliver(id);
    const before = await storedObjects(world);
    assert.equal(before.size, ways.length);
    for (const [index, [what, file, behaviour]] of ways.entries()) {
      const { id, userId } = tracks[index] as (typeof tracks)[number];
      await world.database.query('update public.tracks set audio_url = $2 where id = $1', [
        id,
        serve(world, file, behaviour),
      ]);
      await deliver(id);
      assert.equal((await readJob(world, id)).status, 'pending', what);
      const name = `${buckets.audio.id}/${userId}/${id}.mp3`;
      assert.ok((await storedObjects(world)).get(name)?.equals(song), what);
      assert.equal((await readTrack(world, id)).archived_to_storage, true, what);
    }
    assert.equal((await storedObjects(world)).size, before.size + 1, 'and the stub beside');
  });
});
