import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, moveClock, newTrack, newUser, plan, service, worker } from './app.ts';

const work = (db: TestDatabase, limit?: number) =>
  service(db)(
    limit === undefined
      ? 'select * from get_tracks_needing_archiving()'
      : `select * from get_tracks_needing_archiving(_limit => ${limit})`,
  );
const ids = async (db: TestDatabase, limit?: number) =>
  (await work(db, limit)).map((row) => row.track_id);

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

test('due tracks are listed with the most urgent first', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = (created: number, columns = {}) =>
    newTrack(db, user, { created_at: daysAgo(created), ...columns });
  const middle = await track(14);
  const soonest = await track(1, { metadata: { expires_at: daysAgo(-0.5).toISOString() } });
  const last = await track(13.5);
  await track(12);
  await track(14, { status: 'failed' });
  await track(14, { archived_to_storage: true });
  assert.deepEqual(await ids(db), [soonest, middle, last]);
  assert.deepEqual(await ids(db, 1), [soonest]);
  assert.deepEqual(await ids(db, 0), []);
  assert.deepEqual(await ids(db, -1), []);
});

test('days to expiry are exact, and negative once it is over', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  await newTrack(db, user, { created_at: daysAgo(14.25) });
  await newTrack(db, user, { created_at: daysAgo(16.5) });
  const days = (await work(db)).map((row) => Number(row.days_until_expiry));
  assert.deepEqual(
    days.map((each) => Math.round(each * 1000) / 1000),
    [0.75, -1.5],
  );
});

test('fifty is the limit where none is given', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  await db.query(
    `insert into tracks (user_id, title, prompt, status, created_at)
     select $1, 'T', '', 'completed', now() - interval '14 days' from generate_series(1, 60)`,
    [user],
  );
  assert.equal((await work(db)).length, 50);
  assert.equal((await work(db, 100)).length, 60);
});

test('a track in the hands of a worker is not listed, one of a dead worker is', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db), { provider: 'replicate' });
  await plan(db, track);
  assert.deepEqual(await ids(db), [track], 'pending');
  const claimed = await claim(db, track, 60);
  assert.deepEqual(await ids(db), []);
  await moveClock(db, '61 seconds');
  assert.deepEqual(await ids(db), [track], 'its lease has ended');
  await worker(db, claimed).release();
  assert.deepEqual(await ids(db), [track], 'released');
});

test('a track that failed for good does not stand before the others, until its source changes', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const failed = await newTrack(db, user, { created_at: daysAgo(20) });
  const other = await newTrack(db, user, { created_at: daysAgo(14) });
  await worker(db, await claim(db, failed)).fail();
  assert.deepEqual(await ids(db), [other]);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/2.mp3' where id = $1", [
    failed,
  ]);
  assert.deepEqual(await ids(db), [other, failed], 'the expired last');
});

test('a track that its owner asked for is due', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  assert.deepEqual(await ids(db), []);
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  assert.deepEqual(await ids(db), [track]);
});

test('tracks without a date are due by their policy', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const old = await newTrack(db, user, { created_at: daysAgo(14) });
  await newTrack(db, user, { created_at: daysAgo(2) });
  await db.query('update tracks set archive_scheduled_at = null');
  assert.deepEqual(await ids(db), [old]);
});
