import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { claim, jobOf, newTrack, onConnection, service, trackOf } from './app.ts';
import { configureWebhook, sentWebhooks } from './sent-webhooks.ts';
import { confirm, fail, hour, hoursAgo, stalled, world } from './stalled.ts';

const refresh = async (db: TestDatabase, limit = 100): Promise<number> =>
  (await service(db)('select refresh_deadlines($1) as it', [limit]))[0].it;
const shorten = (db: TestDatabase, change = "retention = '7 days', archive_after = '5 days'") =>
  db.query(`update track_archiving_policies set ${change} where provider = 'suno'`);
const dates = async (db: TestDatabase) =>
  new Map((await db.query('select * from tracks')).map((t) => [t.id, t.archive_scheduled_at]));

test('a shorter policy moves dates and deadlines forward: in parts, never back, and without webhooks', async (t) => {
  const { db, user } = await world(t);
  const waiting = {
    [await newTrack(db, user, { created_at: hoursAgo(24) })]: 24,
    [await newTrack(db, user, { created_at: hoursAgo(48) })]: 48,
  };
  const moved = { created_at: hoursAgo(24), archive_scheduled_at: hoursAgo(-1) };
  const untouched = [
    await newTrack(db, user, moved),
    await newTrack(db, user, { ...moved, provider: 'mureka' }),
    await newTrack(db, user, { status: 'processing', archive_scheduled_at: hoursAgo(-1000) }),
    await newTrack(db, user, { archived_to_storage: true, archive_scheduled_at: hoursAgo(-1000) }),
  ];
  const before = await dates(db);
  while ((await refresh(db)) === 100);
  assert.equal(await refresh(db), 0, 'no policy has changed');
  assert.deepEqual(await dates(db), before);
  await shorten(db);
  await configureWebhook(db);
  assert.deepEqual([await refresh(db, 3), await refresh(db, 3), await refresh(db, 3)], [3, 1, 0]);
  const after = await dates(db);
  for (const [id, hours] of Object.entries(waiting)) {
    const due = hoursAgo(hours).getTime() + 120 * hour;
    assert.ok(Math.abs((after.get(id) as Date).getTime() - due) < 60_000);
    const job = await jobOf(db, id);
    assert.deepEqual(job.due_at, after.get(id));
    assert.equal(job.expires_at - job.due_at, 48 * hour);
  }
  for (const id of untouched) assert.deepEqual(after.get(id), before.get(id));
  assert.deepEqual(await sentWebhooks(db), []);
  const [first] = Object.keys(waiting);
  await db.query('update tracks set archive_scheduled_at = now() where id = $1', [first]);
  assert.equal((await sentWebhooks(db)).length, 1, 'a date moved by hand is announced');
});

test('a schedule for a date that a shorter policy moved forward is not waited for', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user, { created_at: hoursAgo(6 * 24) });
  await confirm(db, track, 'schedule');
  await shorten(db);
  await refresh(db);
  assert.deepEqual(await stalled(db), [[track, 'dispatch', 'schedule_stalled']]);
});

test('what waits for a message or for another try is looked at before a deadline that came nearer', async (t) => {
  const { db, user } = await world(t);
  const queued = await newTrack(db, user, { created_at: hoursAgo(13 * 24 + 1) });
  const failed = await newTrack(db, user, { created_at: hoursAgo(13 * 24 + 1) });
  await confirm(db, queued, 'queue');
  await fail(db, await claim(db, failed), 'provider_timeout', true);
  // They expire in two hours now.
  await shorten(db, "retention = '13 days 3 hours'");
  await refresh(db);
  const left = async (track: string) => (await jobOf(db, track)).next_check_at - Date.now();
  assert.ok(Math.abs((await left(queued)) - hour / 2) < 60_000, 'a quarter of it');
  assert.ok(Math.abs((await left(failed)) - (3 * hour) / 8) < 60_000, 'an eighth of what it had');
});

test('a track in another’s hands is moved by the next sweep, not waited for', async (t) => {
  const { db, user } = await world(t);
  const tracks = [await newTrack(db, user), await newTrack(db, user), await newTrack(db, user)];
  tracks.sort();
  const [first, held, last] = tracks as [string, string, string];
  await shorten(db, "archive_after = '1 day'");
  const isMoved = async (track: string) =>
    (await trackOf(db, track)).archive_scheduled_at < hoursAgo(-25);
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query("update tracks set title = 'mine' where id = $1", [held]);
    assert.deepEqual([await refresh(db), await refresh(db)], [1, 0]);
    await client.query('commit');
  });
  assert.deepEqual(
    [await isMoved(first), await isMoved(held), await isMoved(last)],
    [true, false, true],
  );
  assert.equal(await refresh(db), 2);
  assert.equal(await isMoved(held), true);
  assert.equal(await refresh(db), 0);
});

test('a policy that changes while the former change is followed is followed too', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  await shorten(db, "archive_after = '10 days'");
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query('select refresh_deadlines(100)');
    const change = shorten(db, "archive_after = '1 day'");
    await until(async () => (await db.query('select from pg_locks where not granted')).length > 0);
    await client.query('commit');
    await change;
  });
  assert.equal(await refresh(db), 1);
  const { archive_scheduled_at, created_at } = await trackOf(db, track);
  assert.equal(archive_scheduled_at - created_at, 24 * hour);
});
