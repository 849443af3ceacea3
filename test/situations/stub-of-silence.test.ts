import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { buckets } from '../../core/assets.ts';
import { archiveLambda, deliverTrack } from '../lambdas/archive/deliver.ts';
import { hoursAgo, sweeper } from '../lambdas/sweep/sweeping.ts';
import {
  insertTrack,
  insertWholeTrack,
  readJob,
  readTrack,
  serve,
  storedObjects,
} from '../lambdas/tracks.ts';
import { startWorld } from '../lambdas/world.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { wave } from '../support/wave.ts';

async function ground(t: Cleanup) {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  return {
    world,
    deliver: (id: string, received = 1) => deliverTrack(world, archive, id, { received }),
  };
}

describe('situation 11: a stub of silence', () => {
  const suspect = ({ userId, id }: { userId: string; id: string }) =>
    `${buckets.audio.id}/${userId}/${id}/suspect-audio.wav`;

  test('does not replace a good song, and is kept beside', async (t) => {
    const { world, deliver } = await ground(t);
    const track = await insertWholeTrack(world);
    await deliver(track.id);
    const was = await readTrack(world, track.id);
    const before = await storedObjects(world);
    // Long enough for a song of its own, and less than half of the one that it would replace.
    for (const [round, seconds] of [0.1, 1.9].entries()) {
      const stub = wave(seconds);
      await world.database.query('update public.tracks set audio_url = $2 where id = $1', [
        track.id,
        serve(world, stub),
      ]);
      await deliver(track.id, 10);
      const job = await readJob(world, track.id);
      assert.deepEqual([job.status, job.error_code], ['failed', 'media_suspect'], `${round}`);
      const is = await readTrack(world, track.id);
      assert.deepEqual(
        [is.archived_to_storage, is.storage_audio_url],
        [true, was.storage_audio_url],
      );
      const after = await storedObjects(world);
      for (const [name, bytes] of before) assert.ok(after.get(name)?.equals(bytes), name);
      assert.ok(after.get(suspect(track))?.equals(stub));
      assert.equal(after.size, before.size + 1);
    }
  });

  test('is no song for a track that has none, by the app’s own duration', async (t) => {
    const { world, deliver } = await ground(t);
    for (const [duration, seconds, isSong] of [
      [180, 20, false],
      ['180.5', 80, false],
      [180, 100, true],
      ['3:00', 20, true],
      [-1, 20, true],
      [180_000, 20, true],
      ['1e9', 20, true],
      [null, 20, true],
      [null, 0.9, false],
    ] as const) {
      const track = await insertTrack(world, {
        audio_url: serve(world, wave(seconds)),
        metadata: { duration },
      });
      await deliver(track.id);
      const row = await readTrack(world, track.id);
      assert.equal(row.archived_to_storage, isSong, `${seconds} s of ${duration}`);
      if (isSong) continue;
      assert.equal((await readJob(world, track.id)).error_code, 'media_suspect');
      assert.equal(row.storage_audio_url, null);
      assert.ok((await storedObjects(world)).has(suspect(track)));
    }
  });

  test('is told once it is final', async (t) => {
    const { world, deliver } = await ground(t);
    const track = await insertTrack(world, {
      audio_url: serve(world, wave(0.1)),
      created_at: hoursAgo(15 * 24 + 1),
    });
    await deliver(track.id, 10);
    assert.equal((await readJob(world, track.id)).error_code, 'media_suspect');
    assert.equal((await (await sweeper(world))()).expired, 1);
    assert.match((await readJob(world, track.id)).error_message, /Before: media_suspect/);
    const told = await world.database.query('select from public.notifications where user_id = $1', [
      track.userId,
    ]);
    assert.equal(told.length, 1);
  });

  test('is held against a column of the app as well', async (t) => {
    const { world, deliver } = await ground(t);
    await world.database.query('alter table public.tracks add column duration numeric');
    const track = await insertTrack(world, { audio_url: serve(world, wave(20)), duration: 60 });
    await deliver(track.id);
    assert.equal((await readJob(world, track.id)).error_code, 'media_suspect');
  });
});
