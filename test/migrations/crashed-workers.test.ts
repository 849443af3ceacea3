import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { claim, jobOf, moveClock, newTrack, plan, worker } from './app.ts';
import { close, due, notifications, stalled, takeStalled, world } from './stalled.ts';

/** Each worker dies of the track before its lease has run out. */
async function crash(db: TestDatabase, track: string, times: number, after = 0): Promise<void> {
  for (let attempt = after + 1; attempt <= after + times; attempt++) {
    await claim(db, track, 600);
    await moveClock(db, `${attempt * 11} minutes`);
  }
}

test('a job whose workers crashed five times is closed as such, and its owner told, once', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await crash(db, track, 4);
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
  await crash(db, track, 1, 4);
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'workers_crashed']]);
  assert.equal(await close(db, track, 'worker_crashed'), true);
  assert.equal(await close(db, track, 'worker_crashed'), false);
  const job = await jobOf(db, track);
  assert.deepEqual(
    [job.status, job.error_code, job.next_check_at],
    ['failed', 'worker_crashed', null],
  );
  assert.equal((await notifications(db)).length, 1);
  await moveClock(db, '3 days');
  assert.deepEqual(await stalled(db), [], 'it does not expire again');
});

test('a crashed job whose dead letter could not be sent, or was and nothing more, is closed by a later sweep', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await crash(db, track, 5);
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'workers_crashed']]);
  assert.deepEqual(await takeStalled(db), []);
  assert.equal((await jobOf(db, track)).status, 'processing');
  await moveClock(db, '71 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'workers_crashed']]);
  assert.equal(await close(db, track, 'worker_crashed'), true);
});

test('workers that crashed on former addresses do not close the new ones, nor count among theirs', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await crash(db, track, 5);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
  assert.equal(await close(db, track, 'worker_crashed'), false);
  await plan(db, track);
  await crash(db, track, 4, 5);
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
  await crash(db, track, 1, 9);
  assert.deepEqual(await stalled(db), [[track, 'close', 'workers_crashed']]);
});

test('a worker that gave the job back did not crash', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 4; attempt++) await worker(db, await claim(db, track)).release();
  await crash(db, track, 1);
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
});

test('workers whose jobs the sweep planned anew are counted among the crashed', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await plan(db, track);
    await claim(db, track, 600);
    await moveClock(db, `${attempt * 11} minutes`);
  }
  assert.deepEqual(await stalled(db), [[track, 'close', 'workers_crashed']]);
});
