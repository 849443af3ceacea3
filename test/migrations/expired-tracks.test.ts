import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, jobOf, moveClock, newTrack, newUser, plan, trackOf, worker } from './app.ts';
import {
  close,
  confirm,
  expired,
  fail,
  hoursAgo,
  notifications,
  openMissing,
  stalled,
  takeStalled,
  world,
} from './stalled.ts';

const newSource = (db: TestDatabase, track: string) =>
  db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [track]);

test('an expired track gets one last attempt; then it is closed, its owner told, and said so once', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await moveClock(db, '5 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'unplanned']]);
  await confirm(db, track, 'queue');
  await worker(db, await claim(db, track)).release();
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '35 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'expired']]);
  assert.equal(await close(db, track), true);
  const job = await jobOf(db, track);
  assert.deepEqual([job.status, job.error_code, job.next_check_at], ['failed', 'expired', null]);
  assert.equal(job.error_message, 'Over. Before: provider_unavailable: 503');
  assert.equal((await notifications(db)).length, 1);
  await moveClock(db, '20 days');
  assert.deepEqual(await stalled(db), []);
  assert.equal(await close(db, track), false);
  assert.deepEqual(await jobOf(db, track), job);
  assert.equal((await notifications(db)).length, 1);
});

test('a track that a sweep sent to the dead-letter queue and could not close is closed by the next one', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '31 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'expired']]);
  await moveClock(db, '46 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'close', 'expired']]);
  assert.equal(await close(db, track), true);
});

test('a track that failed for good before it expired keeps its reason, and its owner is not told again', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  // Time may fix it, but none is left.
  await fail(db, await claim(db, track), 'provider_timeout', true);
  const job = await jobOf(db, track);
  assert.deepEqual([job.error_code, job.next_check_at], ['provider_timeout', null]);
  assert.equal((await notifications(db)).length, 1);
  await moveClock(db, '20 days');
  assert.deepEqual(await stalled(db), []);
  assert.equal(await close(db, track), false);
  assert.deepEqual(await jobOf(db, track), job);
});

test('a track that failed for a while is asked for until it expires, then closed with its reason and told once', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { created_at: hoursAgo(15 * 24 - 1) });
  await fail(db, await claim(db, track), 'provider_timeout', true);
  await moveClock(db, '59 minutes');
  assert.deepEqual(await stalled(db), [], 'it expires sooner than it would be tried again');
  await moveClock(db, '61 minutes');
  assert.deepEqual(await stalled(db), [[track, 'close', 'expired']]);
  assert.deepEqual(await notifications(db), []);
  assert.equal(await close(db, track), true);
  const job = await jobOf(db, track);
  assert.deepEqual(
    [job.error_code, job.error_message],
    ['expired', 'Over. Before: provider_timeout: 404'],
  );
  assert.equal((await notifications(db)).length, 1);
  assert.equal(await close(db, track), false);
});

test('an expired track that a worker holds is left to it, and closed when its lease has run out', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await worker(db, await claim(db, track)).release();
  await claim(db, track, 600);
  assert.deepEqual(await stalled(db), []);
  assert.equal(await close(db, track), false);
  await moveClock(db, '11 minutes');
  assert.deepEqual(await stalled(db), [[track, 'close', 'expired']]);
  assert.equal(await close(db, track), true);
  assert.equal((await jobOf(db, track)).error_message, 'Over');
});

test('no track is closed as expired whose provider nobody asked: not for a message, not for an outage', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { created_at: hoursAgo(15 * 24 - 1) });
  for (const outage of ['3 hours', '6 hours', '10 days']) {
    await confirm(db, track, 'queue');
    assert.deepEqual(await stalled(db), []);
    await moveClock(db, outage);
    assert.deepEqual(await stalled(db), [[track, 'dispatch', 'message_stalled']]);
    assert.equal(await close(db, track), false);
  }
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '10 days 31 minutes');
  assert.deepEqual(await stalled(db), [[track, 'close', 'expired']]);
});

test('an attempt at former addresses is none at the new ones', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await confirm(db, track, 'queue');
  await worker(db, await claim(db, track)).release();
  await newSource(db, track);
  await moveClock(db, '35 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'message_stalled']]);
  await confirm(db, track, 'queue');
  await moveClock(db, '126 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'message_stalled']]);
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '157 minutes');
  assert.deepEqual(await stalled(db), [[track, 'close', 'expired']]);
});

test('a track that changed after the sweep had taken it is not closed for what it names now', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, expired);
  await confirm(db, track, 'queue');
  assert.equal(await close(db, track), false, 'nobody has asked its provider');
  await worker(db, await claim(db, track)).release();
  await newSource(db, track);
  assert.equal(await close(db, track), false);
  assert.equal((await jobOf(db, track)).status, 'pending');
  await claim(db, track, 60);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/newer.mp3'");
  await moveClock(db, '61 seconds');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
  assert.equal(await close(db, track), false);
  await worker(db, await claim(db, track, 60)).release();
  assert.equal(await close(db, track), true);
});

test('a message that finds its track not completed leaves no job that says one is on its way', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { provider: 'replicate' });
  await confirm(db, track, 'queue');
  await db.query("update tracks set status = 'processing' where id = $1", [track]);
  assert.equal((await claim(db, track)).outcome, 'not_completed');
  await db.query("update tracks set status = 'completed' where id = $1", [track]);
  assert.equal((await plan(db, track)).queued_at, null);

  await confirm(db, track, 'queue');
  await db.query('update tracks set archived_to_storage = true where id = $1', [track]);
  assert.equal((await claim(db, track)).outcome, 'already_archived');
  assert.equal(await jobOf(db, track), undefined);
});

test('no job of a track that is not to be archived any more comes back for ever, whatever became of it', async (t) => {
  const { db, user } = await world(t);
  for (const change of ["status = 'processing'", 'archived_to_storage = true', 'user_id = null']) {
    if (change.startsWith('user_id'))
      await db.query('alter table tracks alter user_id drop not null');
    const tracks = {
      pending: await newTrack(db, user, expired),
      crashed: await newTrack(db, user, expired),
      failed: await newTrack(db, user),
    };
    await claim(db, tracks.crashed, 60);
    await fail(db, await claim(db, tracks.failed), 'provider_timeout', true);
    await db.query(`update tracks set ${change} where id = any($1)`, [Object.values(tracks)]);
    await moveClock(db, '20 days');
    const found = Object.values(tracks).map((track) => [track, 'schedule']);
    const taken = await takeStalled(db);
    assert.deepEqual(taken.map((row) => row.slice(0, 2)).sort(), found.sort(), change);
    for (const track of Object.values(tracks)) {
      assert.equal(await close(db, track), false);
      await db.query('select plan_track_archiving($1, true)', [track]);
    }
    assert.deepEqual(
      await db.query('select from track_archiving_jobs where next_check_at is not null'),
      [],
      change,
    );
    assert.deepEqual(await notifications(db), []);
    await moveClock(db, '0');
  }
  const codes = await db.query(
    "select error_code from track_archiving_jobs where is_latest and status = 'failed'",
  );
  assert.equal(codes.filter(({ error_code }) => error_code === 'owner_missing').length, 3);
});

/** A track that was there before the archiver, and expired: nothing of ours knows of it. */
async function oldTrack(db: TestDatabase, user: string, columns = {}): Promise<string> {
  const track = await newTrack(db, user, { ...expired, ...columns });
  await db.query('delete from track_archiving_jobs where track_id = $1', [track]);
  return track;
}

test('what had expired before the archiver came is nobody’s news, unless its owner asks for it', async (t) => {
  const { db, user } = await world(t);
  const track = await oldTrack(db, user);
  await oldTrack(db, user);
  const nothing = async () => {
    assert.equal(await openMissing(db), 0);
    assert.deepEqual(await stalled(db), []);
  };
  await nothing();
  await db.query("update tracks set title = 'Other', provider = 'mureka'");
  await nothing();
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  await moveClock(db, '5 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'requested']]);
});

test('an old track that is completed anew is news, although its calendar ran out long before', async (t) => {
  const { db, user } = await world(t);
  const again = await oldTrack(db, user, { status: 'processing' });
  const replaced = await oldTrack(db, user);
  await db.query(
    `insert into track_archiving_jobs (track_id, user_id, status, error_code) values ($1, $2, 'failed', 'legacy_system')`,
    [replaced, user],
  );
  assert.equal(await openMissing(db), 0);
  assert.deepEqual(await stalled(db), []);
  await db.query("update tracks set status = 'completed' where id = $1", [again]);
  await db.query("update tracks set cover_url = 'https://cdn1.suno.ai/new' where id = $1", [
    replaced,
  ]);
  const imported = await newTrack(db, user, expired);
  await moveClock(db, '5 minutes');
  const news = [again, replaced, imported].map((track) => [track, 'dispatch', 'unplanned']);
  assert.deepEqual((await stalled(db)).sort(), news.sort());
  const archive_scheduled_at = hoursAgo(1);
  await newTrack(db, user, { ...expired, archive_scheduled_at, archived_to_storage: true });
  await newTrack(db, user, { ...expired, archive_scheduled_at, status: 'processing' });
  assert.equal((await db.query('select from track_archiving_jobs')).length, 4);
});

test('a completion goes through where its job cannot be opened, and the sweep opens it while it may be saved', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const late = await newTrack(db, user, { ...expired, status: 'processing' });
  const track = await newTrack(db, user, { provider: 'replicate', status: 'processing' });
  await db.query('alter table track_archiving_jobs rename to elsewhere');
  await db.query("update tracks set status = 'completed'");
  for (const id of [late, track]) assert.equal((await trackOf(db, id)).status, 'completed');
  await db.query('alter table elsewhere rename to track_archiving_jobs');
  assert.equal(await openMissing(db), 1);
  assert.equal((await jobOf(db, track)).status, 'pending');
});

test('an expiry that a user wrote buys no chances without end', async (t) => {
  const { db, user } = await world(t);
  const metadata = { expires_at: '2199-01-01' };
  const track = await newTrack(db, user, { created_at: hoursAgo(13 * 24), metadata });
  await moveClock(db, '29 days 17 hours');
  await fail(db, await claim(db, track), 'provider_timeout', true);
  await moveClock(db, '29 days 23 hours');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'failed_before']]);
  await confirm(db, track, 'queue', true);
  await moveClock(db, '30 days 1 hour');
  await fail(db, await claim(db, track), 'provider_timeout', true);
  assert.equal((await jobOf(db, track)).next_check_at, null);
  assert.equal((await notifications(db)).length, 1);
});
