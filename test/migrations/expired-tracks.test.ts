import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, jobOf, moveClock, newTrack, newUser, plan, trackOf, worker } from './app.ts';
import { close, confirm, expired, hoursAgo, lost, world } from './lost.ts';

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

test('no track is closed as expired whose provider nobody asked: not for a message, not for an outage', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { created_at: hoursAgo(15 * 24 - 1) });
  await confirm(db, track, 'queue');
  await moveClock(db, '3 hours');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'message_lost']]);
  await confirm(db, track, 'queue');
  assert.deepEqual(await lost(db, 'expired'), []);
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '5 hours');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'close', 'message_lost']]);
});

test('an attempt at former addresses is none at the new ones', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await confirm(db, track, 'queue');
  await worker(db, await claim(db, track)).release();
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'unannounced']]);
  const { dispatched_at } = await plan(db, track);
  assert.equal(dispatched_at, null, 'the webhook sends it');
  const job = await jobOf(db, track);
  assert.deepEqual([job.started_at, job.attempt], [null, 1]);
  await confirm(db, track, 'queue');
  await moveClock(db, '91 minutes');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'message_lost']]);
});

test('a track that changed after the sweep had listed it is not closed for what it names now', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await confirm(db, track, 'queue');
  assert.equal(await close(db, track), 'ignored', 'nobody has asked its provider');
  await worker(db, await claim(db, track)).release();
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  assert.equal(await close(db, track), 'ignored');
  assert.equal((await jobOf(db, track)).status, 'pending');
  await db.query('update tracks set audio_url = $2 where id = $1', [
    track,
    'https://cdn1.suno.ai/song.mp3',
  ]);
  await claim(db, track, 60);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  await moveClock(db, '61 seconds');
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'lease_expired']]);
  await worker(db, await claim(db, track, 60)).release();
  assert.equal(await close(db, track), 'closed');
});

test('a message that finds its track not completed leaves no job that says one is on its way', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { provider: 'replicate' });
  await confirm(db, track, 'queue');
  await db.query("update tracks set status = 'processing' where id = $1", [track]);
  assert.equal((await claim(db, track)).outcome, 'not_completed');
  await db.query("update tracks set status = 'completed' where id = $1", [track]);
  assert.equal((await plan(db, track)).dispatched_at, null);

  await confirm(db, track, 'queue');
  await db.query('update tracks set archived_to_storage = true where id = $1', [track]);
  assert.equal((await claim(db, track)).outcome, 'already_archived');
  assert.equal(await jobOf(db, track), undefined);
});

/** A track that was there before the archiver, and expired: nothing of ours knows of it. */
async function oldTrack(db: TestDatabase, user: string, columns = {}): Promise<string> {
  const track = await newTrack(db, user, { ...expired, ...columns });
  await db.query('delete from track_archiving_jobs where track_id = $1', [track]);
  return track;
}

test('what had expired before the archiver came is nobody’s news, unless its owner asks for it', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await oldTrack(db, user);
  await oldTrack(db, user);
  assert.deepEqual(await lost(db, 'expired'), []);
  await db.query("update tracks set title = 'Other', provider = 'mureka'");
  assert.deepEqual(await lost(db, 'expired'), [], 'a change that makes no file');
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  assert.deepEqual(await lost(db, 'expired'), [[track, 'dispatch', 'requested']]);
});

test('an old track that is completed anew is news, although its calendar ran out long before', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const again = await oldTrack(db, user, { status: 'processing' });
  const replaced = await oldTrack(db, user);
  await db.query(
    `insert into track_archiving_jobs (track_id, user_id, status, error_code) values ($1, $2, 'failed', 'replaced_system')`,
    [replaced, user],
  );
  assert.deepEqual(await lost(db, 'expired'), []);
  await db.query("update tracks set status = 'completed' where id = $1", [again]);
  assert.deepEqual(await lost(db, 'expired'), [[again, 'dispatch', 'unannounced']]);
  await db.query("update tracks set cover_url = 'https://cdn1.suno.ai/new' where id = $1", [
    replaced,
  ]);
  const imported = await newTrack(db, user, expired);
  assert.deepEqual(
    (await lost(db, 'expired')).map(([track]) => track).sort(),
    [again, replaced, imported].sort(),
  );
  const archive_scheduled_at = hoursAgo(1);
  await newTrack(db, user, { ...expired, archive_scheduled_at, archived_to_storage: true });
  await newTrack(db, user, { ...expired, archive_scheduled_at, status: 'processing' });
  await newTrack(db, user, { provider: 'replicate' });
  assert.equal((await db.query('select from track_archiving_jobs')).length, 4);
});

test('a completion goes through where its late job cannot be opened', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, { ...expired, status: 'processing' });
  await db.query('alter table track_archiving_jobs rename to elsewhere');
  await db.query("update tracks set status = 'completed' where id = $1", [track]);
  assert.equal((await trackOf(db, track)).status, 'completed');
});

test('an expiry that a user wrote buys no chances without end', async (t) => {
  const { db, user } = await world(t);
  const metadata = { expires_at: '2199-01-01' };
  const track = await newTrack(db, user, { created_at: hoursAgo(13 * 24), metadata });
  await worker(db, await claim(db, track)).fail('provider_timeout');
  await moveClock(db, '29 days 23 hours');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'failed_before']]);
  await moveClock(db, '30 days 1 hour');
  assert.deepEqual(await lost(db), []);
});
