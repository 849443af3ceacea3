import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import {
  claim,
  jobOf,
  moveClock,
  newTrack,
  newUser,
  onConnection,
  plan,
  sqlstate,
  trackOf,
  worker,
} from './app.ts';

const request = (db: TestDatabase, user: string, track: string, owner = user) =>
  db.asUser(user, (query) =>
    query(
      "insert into track_archiving_jobs (track_id, user_id, status) values ($1, $2, 'pending')",
      [track, owner],
    ),
  );

const isDue = async (db: TestDatabase, track: string) =>
  (await trackOf(db, track)).archive_scheduled_at <= new Date();

test('a request makes the track due at once', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await request(db, user, track);
  assert.ok(await isDue(db, track));
  const job = await jobOf(db, track);
  assert.equal(job.requested, true);
  assert.equal((await plan(db, track)).job_id, job.id);
});

test('a request for a track that only waits takes the place of its job', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await plan(db, track);
  assert.equal(await isDue(db, track), false);
  await request(db, user, track);
  assert.ok(await isDue(db, track));
  const jobs = await db.query('select requested, status from track_archiving_jobs');
  assert.deepEqual(jobs, [{ requested: true, status: 'pending' }]);
});

test('asking twice, or while a worker has the track, is refused with a clear word and changes nothing', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await request(db, user, track);
  const before = await trackOf(db, track);
  await assert.rejects(request(db, user, track), /asked for less than ten minutes ago/);
  assert.deepEqual(await trackOf(db, track), before);
  const { job_id } = await claim(db, track);
  await assert.rejects(request(db, user, track), /is being archived/);
  assert.deepEqual(await trackOf(db, track), before);
  assert.deepEqual(await db.query('select id, status from track_archiving_jobs'), [
    { id: job_id, status: 'processing' },
  ]);
});

test('a failed track can be asked for again, ten minutes after it was tried', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await worker(db, await claim(db, track)).fail();
  assert.equal((await plan(db, track)).reason, 'failed');
  await assert.rejects(request(db, user, track), /ten minutes/);
  await moveClock(db, '11 minutes');
  await request(db, user, track);
  assert.equal((await plan(db, track)).action, 'schedule');
});

test("nobody can hurry another user's planned track along", async (t) => {
  const db = await testDatabase(t);
  const [owner, another] = [await newUser(db), await newUser(db)];
  const track = await newTrack(db, owner);
  await plan(db, track);
  for (const name of [owner, another]) {
    assert.equal(await sqlstate(request(db, another, track, name)), '42501');
  }
  assert.equal(await isDue(db, track), false);
  assert.equal((await jobOf(db, track)).requested, false);
});

test('a track that everybody may read is asked for by its owner alone, and in no other name', async (t) => {
  const db = await testDatabase(t);
  const [owner, another] = [await newUser(db), await newUser(db)];
  const track = await newTrack(db, owner);
  await db.query('create policy public_tracks on tracks for select using (true)');
  assert.equal(await sqlstate(request(db, another, track)), '42501');
  assert.equal(await sqlstate(request(db, owner, track, another)), '42501');
  assert.equal(await sqlstate(request(db, owner, track)), undefined);
});

test('an archived track is not asked for', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await db.query("select mark_track_archived($1, 'https://s/a.mp3')", [track]);
  assert.equal(await sqlstate(request(db, user, track)), '42501');
});

test('a request that waits while the track is archived comes too late', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const waiting = await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query("select mark_track_archived($1, 'https://s/a.mp3')", [track]);
    const asked = sqlstate(request(db, user, track));
    await until(async () => (await db.query('select from pg_locks where not granted')).length > 0);
    await client.query('commit');
    return asked;
  });
  assert.equal(await waiting, '42501');
  assert.equal((await jobOf(db, track)).status, 'completed');
});

test('of ten requests at once one is taken, and leaves one job', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 10 }, () => request(db, user, track)),
    plan(db, track),
  ]);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
  assert.equal((await db.query('select from track_archiving_jobs')).length, 1);
});
