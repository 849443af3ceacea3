import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import {
  claim,
  jobOf,
  moveClock,
  newTrack,
  newUser,
  plan,
  service,
  trackOf,
  worker,
} from './app.ts';

const confirm = async (db: TestDatabase, job: string, due: unknown, route: string) =>
  (await service(db)('select confirm_track_schedule($1, $2, $3) as answer', [job, due, route]))[0]
    ?.answer;

test('a completed track is to be scheduled at its date, with one pending job', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const first = await plan(db, track);
  const { created_at } = await trackOf(db, track);
  assert.equal(first.action, 'schedule');
  assert.equal(first.reason, null);
  assert.equal(first.due_at - created_at, 13 * 86_400_000);
  assert.equal(first.expires_at - created_at, 15 * 86_400_000);
  assert.deepEqual(await plan(db, track), first);
  const job = await jobOf(db, track);
  assert.equal(job.id, first.job_id);
  assert.equal(job.status, 'pending');
  assert.equal(job.user_id, user);
  assert.equal(job.requested, false);
});

test('five plans at once make one job', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const plans = await Promise.all(Array.from({ length: 5 }, () => plan(db, track)));
  assert.equal(new Set(plans.map((each) => each.job_id)).size, 1);
  assert.equal((await db.query('select from track_archiving_jobs')).length, 1);
});

test('what is not there, not completed or archived is to be cancelled, and loses its pending job', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  assert.equal((await plan(db, user)).reason, 'track_not_found');
  for (const [change, reason] of [
    ["status = 'failed'", 'not_completed'],
    ['archived_to_storage = true', 'already_archived'],
  ]) {
    const track = await newTrack(db, user);
    await plan(db, track);
    await db.query(`update tracks set ${change} where id = $1`, [track]);
    const { action, reason: found } = await plan(db, track);
    assert.deepEqual([action, found], ['cancel', reason]);
    assert.equal(await jobOf(db, track), undefined);
  }
});

test('a track that a live worker has is left to it; a crashed one releases it', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id } = await claim(db, track, 60);
  const { action, reason } = await plan(db, track);
  assert.deepEqual([action, reason], ['ignore', 'in_progress']);
  await moveClock(db, '61 seconds');
  const again = await plan(db, track);
  assert.deepEqual([again.action, again.job_id], ['schedule', job_id]);
  assert.equal((await jobOf(db, track)).status, 'pending');
});

test('a track that failed is left alone until its sources change', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  await worker(db, await claim(db, track)).fail();
  const { action, reason } = await plan(db, track);
  assert.deepEqual([action, reason], ['ignore', 'failed']);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/2.mp3' where id = $1", [
    track,
  ]);
  const again = await plan(db, track);
  assert.equal(again.action, 'schedule');
  assert.equal((await jobOf(db, track)).id, again.job_id, 'by a new job');
  assert.equal((await claim(db, track)).audio_url, 'https://cdn1.suno.ai/2.mp3');
});

test('a pending job follows the sources of its track', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id } = await plan(db, track);
  await db.query("update tracks set cover_url = ' ', video_url = null where id = $1", [track]);
  assert.equal((await plan(db, track)).job_id, job_id);
  const claimed = await claim(db, track);
  assert.deepEqual([claimed.cover_url, claimed.video_url], [null, null]);
  const job = await jobOf(db, track);
  assert.deepEqual(
    [job.original_audio_url, job.original_cover_url, job.original_video_url],
    [claimed.audio_url, null, null],
  );
});

test('a track without a date, from before the archiver, is given one', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  await db.query('update tracks set archive_scheduled_at = null');
  const { due_at } = await plan(db, track);
  assert.deepEqual((await trackOf(db, track)).archive_scheduled_at, due_at);
});

test('a confirmed schedule and a dispatch are found by the next plan', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id, due_at } = await plan(db, track);
  assert.equal(await confirm(db, job_id, due_at, 'schedule'), true);
  assert.deepEqual((await plan(db, track)).scheduled_for, due_at);
  assert.equal((await plan(db, track)).queued_at, null);
  assert.equal(await confirm(db, job_id, due_at, 'queue'), true);
  assert.ok((await plan(db, track)).queued_at);
});

test('a date in microseconds is confirmed by a caller who counts in milliseconds', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  await db.query("update tracks set archive_scheduled_at = '2026-12-05T03:04:05.678901Z'");
  const { job_id } = await plan(db, track);
  assert.equal(await confirm(db, job_id, '2026-12-05T03:04:05.678Z', 'schedule'), true);
});

test('what changed since the plan is not confirmed', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const changes: [string, (track: string) => Promise<unknown>][] = [
    [
      'the date',
      (id) =>
        db.query("update tracks set archive_scheduled_at = '2027-01-01Z' where id = $1", [id]),
    ],
    ['the state', (id) => db.query("update tracks set status = 'failed' where id = $1", [id])],
    [
      'it is archived',
      (id) => db.query('update tracks set archived_to_storage = true where id = $1', [id]),
    ],
    ['it is claimed', (id) => claim(db, id)],
    ['it is deleted', (id) => db.query('delete from tracks where id = $1', [id])],
  ];
  for (const [what, change] of changes) {
    const track = await newTrack(db, user);
    const { job_id, due_at } = await plan(db, track);
    await change(track);
    assert.equal(await confirm(db, job_id, due_at, 'schedule'), false, what);
  }
});

test('a route that does not exist is refused', async (t) => {
  const db = await testDatabase(t);
  await assert.rejects(confirm(db, await newUser(db), new Date(), 'pigeon'), { code: '22023' });
});
