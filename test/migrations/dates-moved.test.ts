import assert from 'node:assert/strict';
import { test } from 'vitest';
import { announcements, configureWebhook } from './announcements.ts';
import { newTrack, onConnection, service } from './app.ts';
import { hour, hoursAgo, world } from './lost.ts';

test('a shorter policy moves dates forward: the most urgent first, in parts, never back, and without webhooks', async (t) => {
  const { db, user } = await world(t);
  const shorter = await newTrack(db, user, { created_at: hoursAgo(24) });
  const shortest = await newTrack(db, user, { created_at: hoursAgo(48) });
  const moved = { created_at: hoursAgo(24), archive_scheduled_at: hoursAgo(-1) };
  const untouched = [
    await newTrack(db, user, moved),
    await newTrack(db, user, { ...moved, provider: 'mureka' }),
    await newTrack(db, user, { status: 'processing', archive_scheduled_at: hoursAgo(-1000) }),
    await newTrack(db, user, { archived_to_storage: true, archive_scheduled_at: hoursAgo(-1000) }),
  ];
  const dates = async () =>
    new Map((await db.query('select * from tracks')).map((t) => [t.id, t.archive_scheduled_at]));
  const before = await dates();
  const move = async (limit: number) =>
    (await service(db)('select move_archive_dates_forward($1) as it', [limit]))[0].it;
  assert.equal(await move(100), 0);
  await db.query(
    "update track_archiving_policies set retention = '7 days', archive_after = '5 days' where provider = 'suno'",
  );
  await configureWebhook(db);
  assert.deepEqual([await move(1), (await dates()).get(shorter)], [1, before.get(shorter)]);
  assert.deepEqual([await move(1), await move(1)], [1, 0]);
  const after = await dates();
  for (const [id, hours] of [
    [shorter, 24],
    [shortest, 48],
  ] as const) {
    const due = hoursAgo(hours).getTime() + 120 * hour;
    assert.ok(Math.abs((after.get(id) as Date).getTime() - due) < 60_000);
  }
  for (const id of untouched) assert.deepEqual(after.get(id), before.get(id));
  assert.deepEqual(await announcements(db), []);
  await db.query('update tracks set archive_scheduled_at = now() where id = $1', [shorter]);
  assert.equal((await announcements(db)).length, 1, 'a date moved by hand is announced');
});

test('a track in another’s hands is moved by the next sweep, not waited for', async (t) => {
  const { db, user } = await world(t);
  const track = await newTrack(db, user);
  await db.query(
    "update track_archiving_policies set archive_after = '1 day' where provider = 'suno'",
  );
  const move = async () =>
    (await service(db)('select move_archive_dates_forward(100) as it'))[0].it;
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query("update tracks set title = 'mine' where id = $1", [track]);
    assert.equal(await move(), 0);
    await client.query('commit');
  });
  assert.equal(await move(), 1);
});
