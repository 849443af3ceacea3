import assert from 'node:assert/strict';
import { test } from 'vitest';
import { claim, jobOf, moveClock, newTrack, plan, worker } from './app.ts';
import { close, due, lost, world } from './lost.ts';

test('a job whose workers died five times is closed as such, its owner told, and tried again later', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await claim(db, track, 600);
    await moveClock(db, `${attempt * 11} minutes`);
  }
  assert.deepEqual(await lost(db), [[track, 'close', 'workers_died']]);
  assert.equal(await close(db, track, false, 'worker_lost'), 'closed');
  assert.equal(await close(db, track, true, 'worker_lost'), 'ignored');
  const job = await jobOf(db, track);
  assert.deepEqual([job.status, job.error_code], ['failed', 'worker_lost']);
  assert.equal((await db.query('select from notifications')).length, 1);
});

test('a dead letter of worker_lost that was never written is owed when the track expires', async (t) => {
  const { db, user } = await world(t);
  const [buried, owed] = [await newTrack(db, user, due), await newTrack(db, user, due)];
  for (const track of [buried, owed]) await claim(db, track, 600);
  await moveClock(db, '11 minutes');
  for (const track of [buried, owed]) {
    assert.equal(await close(db, track, false, 'worker_lost'), 'closed');
  }
  assert.equal(await close(db, buried, true, 'worker_lost'), 'ignored');
  assert.equal(await close(db, owed, false, 'worker_lost'), 'ignored', 'not before');
  await moveClock(db, '3 days');
  assert.equal(await close(db, buried), 'expired');
  assert.equal(await close(db, owed), 'closed');
  assert.equal(await close(db, owed, true), 'expired');
  assert.equal((await jobOf(db, owed)).error_code, 'worker_lost');
});

test('workers that died of former addresses do not close the new ones', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await claim(db, track, 600);
    await moveClock(db, `${attempt * 11} minutes`);
  }
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'lease_expired']]);
  assert.equal(await close(db, track, false, 'worker_lost'), 'ignored');
});

test('a worker that gave the job back did not die of it', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 4; attempt++) await worker(db, await claim(db, track)).release();
  await claim(db, track, 600);
  await moveClock(db, '11 minutes');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'lease_expired']]);
});

test('workers whose jobs the sweep planned anew are counted among the dead', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await plan(db, track);
    await claim(db, track, 600);
    await moveClock(db, `${attempt * 11} minutes`);
  }
  assert.deepEqual(await lost(db), [[track, 'close', 'workers_died']]);
});
