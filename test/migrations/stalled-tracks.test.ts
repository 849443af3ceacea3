import assert from 'node:assert/strict';
import { test } from 'vitest';
import { claim, jobOf, moveClock, newTrack, plan, service, trackOf, worker } from './app.ts';
import {
  confirm,
  due,
  expired,
  fail,
  hoursAgo,
  notifications,
  openMissing,
  stalled,
  takeStalled,
  world,
} from './stalled.ts';

test('a track whose webhook was lost is stalled after five minutes; once it is on the queue, it is on its way', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  const later = await newTrack(db, user);
  await moveClock(db, '4 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '5 minutes');
  const unplanned = [
    [track, 'dispatch', 'unplanned'],
    [later, 'schedule', 'unplanned'],
  ];
  assert.deepEqual((await stalled(db)).sort(), unplanned.sort());
  await confirm(db, track, 'queue');
  await confirm(db, later, 'schedule');
  await moveClock(db, '80 minutes');
  assert.deepEqual(await stalled(db), []);
});

test('what a sweep took and did not bring on its way is taken again a quarter of an hour later', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await moveClock(db, '5 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'dispatch', 'unplanned']]);
  await moveClock(db, '19 minutes');
  assert.deepEqual(await takeStalled(db), []);
  await moveClock(db, '20 minutes');
  assert.deepEqual(await takeStalled(db), [[track, 'dispatch', 'unplanned']]);
});

test('messages that nobody received, one or all of a deleted queue, are sent again after 90 minutes', async (t) => {
  const { db, user } = await world(t);
  const tracks = [await newTrack(db, user, due), await newTrack(db, user, due)];
  for (const track of tracks) await confirm(db, track, 'queue');
  await moveClock(db, '89 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '90 minutes');
  const lost = tracks.map((track) => [track, 'dispatch', 'message_stalled']);
  assert.deepEqual((await stalled(db)).sort(), lost.sort());
});

test('a track that expires soon does not wait 90 minutes for a lost message, but a quarter of its time', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { provider: 'replicate' });
  await confirm(db, track, 'queue');
  await moveClock(db, '14 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '15 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'message_stalled']]);
});

test('a job that was given back is stalled when its message is a quarter of an hour late', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await confirm(db, track, 'queue');
  await moveClock(db, '89 minutes');
  await worker(db, await claim(db, track)).release();
  await moveClock(db, '118 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '119 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'message_stalled']]);
});

test('schedules that should have fired, one or a whole group, are stalled after their window', async (t) => {
  const { db, user } = await world(t);
  const created_at = hoursAgo(13 * 24 - 1);
  const tracks = [
    await newTrack(db, user, { created_at }),
    await newTrack(db, user, { created_at }),
  ];
  for (const track of tracks) await confirm(db, track, 'schedule');
  await moveClock(db, '89 minutes');
  assert.deepEqual(await stalled(db), [], 'their window may not be over');
  await moveClock(db, '91 minutes');
  const lost = tracks.map((track) => [track, 'dispatch', 'schedule_stalled']);
  assert.deepEqual((await stalled(db)).sort(), lost.sort());
});

test('a schedule that is lost is looked for before the expiry, however short that is', async (t) => {
  const { db, user } = await world(t);
  await db.query(
    "update track_archiving_policies set archive_after = '40 minutes' where provider = 'replicate'",
  );
  const track = await newTrack(db, user, { provider: 'replicate' });
  await confirm(db, track, 'schedule');
  await moveClock(db, '49 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '51 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'schedule_stalled']]);
});

test('a schedule for a former date is not waited for, whoever changed the date and although the webhook was lost', async (t) => {
  const { db, user } = await world(t);
  const changes = {
    [await newTrack(db, user)]: `metadata = '{"expires_at": "${hoursAgo(-100).toISOString()}"}'`,
    [await newTrack(db, user)]: "archive_scheduled_at = now() + interval '1 day'",
    [await newTrack(db, user)]: "provider = 'kie'",
  };
  for (const [track, change] of Object.entries(changes)) {
    await confirm(db, track, 'schedule');
    await db.query(`update tracks set ${change} where id = $1`, [track]);
    assert.deepEqual(
      (await jobOf(db, track)).due_at,
      (await trackOf(db, track)).archive_scheduled_at,
    );
  }
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '5 minutes');
  const moved = Object.keys(changes).map((track) => [track, 'schedule', 'schedule_stalled']);
  assert.deepEqual((await stalled(db)).sort(), moved.sort());
});

test('a plan for another date than what was arranged is looked after, even if it is never confirmed', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  await confirm(db, track, 'schedule');
  await db.query("set archiver.suppressed = 'yes'; update tracks set archive_scheduled_at = now()");
  assert.deepEqual(await stalled(db), []);
  await plan(db, track);
  await moveClock(db, '5 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'schedule_stalled']]);
});

test('a claim in force is left alone; when its lease has run out, the track goes onto the queue again', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await claim(db, track, 600);
  await moveClock(db, '9 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '11 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'lease_expired']]);
  assert.equal((await plan(db, track)).action, 'schedule');
  assert.equal((await jobOf(db, track)).status, 'pending', 'released');
});

test('what failed for a reason that time may fix is tried again, and its owner told when it is final', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  const other = await newTrack(db, user, due);
  assert.equal(await fail(db, await claim(db, track), 'provider_timeout', true), true);
  assert.equal(await fail(db, await claim(db, other), 'provider_gone', false), true);
  assert.equal((await notifications(db)).length, 1, 'of what is final');
  await moveClock(db, '5 hours');
  assert.deepEqual(await stalled(db), []);
  // An eighth of the two days between due date and expiry.
  await moveClock(db, '6 hours');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'failed_before']]);
  assert.equal((await plan(db, track)).action, 'ignore', 'a webhook does not retry it');
  await confirm(db, track, 'queue', true);
  assert.deepEqual(await stalled(db), []);
  await fail(db, await claim(db, track), 'provider_gone', false);
  assert.equal((await notifications(db)).length, 2, 'one for each track');
  await moveClock(db, '20 days');
  assert.deepEqual(await stalled(db), []);
});

test('a provider that keeps files for an hour is tried again in minutes', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { provider: 'replicate' });
  await fail(db, await claim(db, track), 'provider_timeout', true);
  await moveClock(db, '7 minutes');
  assert.deepEqual(await stalled(db), []);
  await moveClock(db, '8 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'failed_before']]);
});

test('a failure of an archived track’s new source is tried again too, and so is one of its dead letter', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, due);
  await service(db)(
    "select mark_track_archived($1, 'https://s/a.mp3', 'https://s/c', 'https://s/v')",
    [track],
  );
  const change = "update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1";
  await db.query(change, [track]);
  await fail(db, await claim(db, track), 'provider_timeout', true);
  await moveClock(db, '7 hours');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'failed_before']]);
  await confirm(db, track, 'queue', true);
  assert.deepEqual(await stalled(db), []);
  await fail(db, await claim(db, track), 'provider_gone', false);
  assert.equal((await plan(db, track)).reason, 'failed');
  assert.equal((await claim(db, track)).outcome, 'claimed', 'a person sent its dead letter again');
  assert.deepEqual(await notifications(db), [], 'the song is safe');
});

test('a request whose webhook was lost goes onto the queue', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  await confirm(db, track, 'schedule');
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  await moveClock(db, '5 minutes');
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'requested']]);
});

test('what is archived, not completed or marked by hand is nobody’s concern', async (t) => {
  const { db, user } = await world(t);
  await newTrack(db, user, { ...due, archived_to_storage: true });
  await newTrack(db, user, { ...due, status: 'processing' });
  const marked = await newTrack(db, user, due);
  await service(db)("select mark_track_archived($1, 'https://s/a.mp3')", [marked]);
  await moveClock(db, '20 days');
  assert.deepEqual(await stalled(db), []);
  assert.equal(await openMissing(db), 0);
});

test('the backlog counts what is late, not what is just due', async (t) => {
  const { db, user } = await world(t);
  const backlog = async () => {
    const [row] = await service(db)('select overdue, near_expiry from get_archiving_backlog()');
    return row;
  };
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
