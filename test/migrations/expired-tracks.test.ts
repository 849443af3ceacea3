import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { claim, jobOf, moveClock, newTrack, newUser, worker } from './app.ts';
import { close, confirm, expired, lost, world } from './lost.ts';

test('an expired track gets one last attempt; then it is closed, its owner told, and said so once', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  assert.deepEqual(await lost(db), []);
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'unannounced']]);
  await confirm(db, track, 'queue');
  await worker(db, await claim(db, track)).release();
  assert.deepEqual(await lost(db, 'expired'), []);
  await moveClock(db, '91 minutes');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'close', 'message_lost']]);
  assert.equal(await close(db, track), 'closed');
  const job = await jobOf(db, track);
  assert.deepEqual([job.status, job.error_code], ['failed', 'expired']);
  assert.equal(job.error_message, 'Over. Before: provider_unavailable: 503');
  assert.equal((await db.query('select from notifications')).length, 1);
  assert.deepEqual(await lost(db, 'expired'), [[track, 'close', 'deadline_passed']]);
  assert.equal(await close(db, track), 'closed', 'its dead letter is still owed');
  assert.deepEqual(await jobOf(db, track), job);
  assert.equal(await close(db, track, true), 'expired');
  assert.ok((await jobOf(db, track)).expired_at);
  assert.equal((await db.query('select from notifications')).length, 1);
  assert.deepEqual(await lost(db, 'expired'), []);
  assert.equal(await close(db, track, true), 'ignored');
});

test('a track that had failed before it expired keeps its reason, and its owner is not told again', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await worker(db, await claim(db, track)).fail('provider_timeout');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'close', 'deadline_passed']]);
  assert.equal(await close(db, track), 'expired', 'its dead letter is there');
  assert.equal((await jobOf(db, track)).error_code, 'provider_timeout');
  assert.equal((await db.query('select from notifications')).length, 1);
  assert.deepEqual(await lost(db, 'expired'), []);
});

test('an expired track that a worker holds is left to it, and closed when its lease has run out', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await worker(db, await claim(db, track)).release();
  await claim(db, track, 600);
  assert.deepEqual(await lost(db, 'expired'), []);
  assert.equal(await close(db, track), 'ignored');
  await moveClock(db, '11 minutes');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'close', 'lease_expired']]);
  assert.equal(await close(db, track), 'closed');
  assert.equal((await jobOf(db, track)).error_message, 'Over');
});

test('what had expired before the archiver came is nobody’s news, unless its owner asks for it', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, expired);
  await newTrack(db, user, expired);
  assert.deepEqual(await lost(db, 'expired'), []);
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'requested']]);
});
