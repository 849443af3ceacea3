import assert from 'node:assert/strict';
import { test } from 'vitest';
import { claim, jobOf, moveClock, newTrack, plan, service, worker } from './app.ts';
import { confirm, due, epoch, expired, hour, hoursAgo, lost, unscheduled, world } from './lost.ts';

test('a due track that nobody announced goes onto the queue; once it is there, it is on its way', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'unannounced']]);
  await confirm(db, track, 'queue');
  assert.deepEqual(await lost(db), []);
});

test('a message without a sign of life is lost, and so is one that is older than its queue', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await confirm(db, track, 'queue');
  const later = new Date(Date.now() + hour).toISOString();
  assert.deepEqual(await lost(db, 'in time', { messagesSince: later }), [
    [track, 'dispatch', 'message_lost'],
  ]);
  await moveClock(db, '89 minutes');
  assert.deepEqual(await lost(db), []);
  // A claim is a sign of life.
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '90 minutes');
  assert.deepEqual(await lost(db), []);
  await moveClock(db, '180 minutes');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'message_lost']]);
});

test('a schedule that should have fired and left no trace is lost', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { created_at: hoursAgo(13 * 24 - 1) });
  await confirm(db, track, 'schedule');
  assert.deepEqual(await lost(db), []);
  await moveClock(db, '89 minutes');
  assert.deepEqual(await lost(db), [], 'its window may not be over');
  const later = new Date(Date.now() + hour).toISOString();
  assert.deepEqual(await lost(db, 'in time', { schedulesSince: later }), [
    [track, 'dispatch', 'schedule_lost'],
  ]);
  await moveClock(db, '91 minutes');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'schedule_lost']]);
});

test('a track that waits needs a schedule for its date that is younger than its group', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  assert.deepEqual(await unscheduled(db), [[track, 'unannounced']]);
  await confirm(db, track, 'schedule');
  assert.deepEqual(await unscheduled(db), []);
  const later = new Date(Date.now() + hour).toISOString();
  assert.deepEqual(await unscheduled(db, later), [[track, 'schedule_lost']]);
  await db.query(
    "update tracks set metadata = jsonb_build_object('expires_at', $2::text) where id = $1",
    [track, hoursAgo(-100).toISOString()],
  );
  assert.deepEqual(await unscheduled(db), [[track, 'unannounced']], 'its date has changed');
});

test('a claim in force is left alone; when its lease has run out, the track goes onto the queue again', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await claim(db, track, 600);
  await moveClock(db, '9 minutes');
  assert.deepEqual(await lost(db), []);
  await moveClock(db, '11 minutes');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'lease_expired']]);
  assert.equal((await plan(db, track)).action, 'schedule');
  assert.equal((await jobOf(db, track)).status, 'pending', 'released');
});

test('what failed for a reason that time may mend is tried again, and its owner told once', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  const other = await newTrack(db, user, due);
  await worker(db, await claim(db, track)).fail('provider_timeout');
  await worker(db, await claim(db, other)).fail('provider_gone');
  await moveClock(db, '5 hours');
  assert.deepEqual(await lost(db), []);
  // An eighth of the two days between due date and expiry.
  await moveClock(db, '6 hours');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'failed_before']]);
  assert.equal((await plan(db, track)).action, 'ignore', 'a webhook does not retry it');
  await service(db)('select plan_track_archiving($1, true)', [track]);
  await worker(db, await claim(db, track)).fail('provider_timeout');
  assert.equal((await db.query('select from notifications')).length, 2, 'one a track');
});

test('a provider that keeps files for an hour is tried again in minutes', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { provider: 'replicate' });
  await worker(db, await claim(db, track)).fail('provider_timeout');
  await moveClock(db, '7 minutes');
  assert.deepEqual(await lost(db), []);
  await moveClock(db, '8 minutes');
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'failed_before']]);
});

test('a request whose webhook was lost goes onto the queue', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  await confirm(db, track, 'schedule');
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  assert.deepEqual(await lost(db), [[track, 'dispatch', 'requested']]);
});

test('what is archived, not completed or marked by hand is nobody’s concern', async (t) => {
  const { db, user } = await world(t);
  await newTrack(db, user, { ...due, archived_to_storage: true });
  await newTrack(db, user, { ...due, status: 'processing' });
  const marked = await newTrack(db, user, due);
  await service(db)("select mark_track_archived($1, 'https://s/a.mp3')", [marked]);
  assert.deepEqual([...(await lost(db)), ...(await unscheduled(db))], []);
});

test('a track without a date is given one, and tracks come in pages, the most urgent first', async (t) => {
  const { db, user } = await world(t);
  const ids = [];
  for (const hours of [13.1, 14.9, 14, 1]) {
    ids.push(await newTrack(db, user, { created_at: hoursAgo(hours * 24) }));
  }
  await db.query('update tracks set archive_scheduled_at = null');
  const [last, first, middle, later] = ids;
  assert.deepEqual(await lost(db), [
    [first, 'dispatch', 'unannounced'],
    [middle, 'dispatch', 'unannounced'],
    [last, 'dispatch', 'unannounced'],
    [later, 'schedule', 'unannounced'],
  ]);
  const page = (after: unknown[]) =>
    service(db)(
      `select track_id, expires_at from get_lost_tracks(false, $1, $1, 1800, 5400, 5, '{}', 2, $2, $3)`,
      [epoch, ...after],
    );
  const pageOne = await page([null, null]);
  assert.deepEqual(
    pageOne.map((row) => row.track_id),
    [first, middle],
  );
  const pageTwo = await page([pageOne[1].expires_at, pageOne[1].track_id]);
  assert.deepEqual(
    pageTwo.map((row) => row.track_id),
    [last, later],
  );
});

test('the backlog counts what is late, not what is just due', async (t) => {
  const { db, user } = await world(t);
  const backlog = async () => (await service(db)('select * from get_archiving_backlog()'))[0];
  await newTrack(db, user);
  await newTrack(db, user, { created_at: hoursAgo(13 * 24 + 0.5) });
  assert.deepEqual(await backlog(), { overdue: '0', near_expiry: '0' });
  const track = await newTrack(db, user, { created_at: hoursAgo(13 * 24 + 2) });
  const failed = await newTrack(db, user, { created_at: hoursAgo(13 * 24 + 2) });
  await worker(db, await claim(db, failed)).fail('provider_gone');
  await newTrack(db, user, expired);
  assert.deepEqual(await backlog(), { overdue: '1', near_expiry: '2' });
  await service(db)("select mark_track_archived($1, 'https://s/a.mp3')", [track]);
  assert.deepEqual(await backlog(), { overdue: '0', near_expiry: '1' });
});
