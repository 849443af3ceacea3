import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { moveClock, newTrack, newUser, service } from './app.ts';

async function statistics(db: TestDatabase) {
  const [row] = await service(db)('select * from archive_statistics');
  return Object.values(row).map(Number);
}

test('an empty project has archived all that there is', async (t) => {
  const db = await testDatabase(t);
  assert.deepEqual(await statistics(db), [0, 0, 0, 0, 100]);
});

test('the statistics are those of this moment: archived, pending, urgent, expired, percentage', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const tracks = [];
  for (let count = 0; count < 3; count += 1) tracks.push(await newTrack(db, user));
  await newTrack(db, user, { status: 'failed' });
  assert.deepEqual(await statistics(db), [0, 3, 0, 0, 0]);
  await db.query("select mark_track_archived($1, 'https://s')", [tracks[0]]);
  assert.deepEqual(await statistics(db), [1, 2, 0, 0, 33.3]);
  await moveClock(db, '12 days 23 hours');
  assert.deepEqual(await statistics(db), [1, 2, 0, 0, 33.3]);
  await moveClock(db, '13 days 1 minute');
  assert.deepEqual(await statistics(db), [1, 2, 2, 0, 33.3]);
  await moveClock(db, '15 days 1 minute');
  assert.deepEqual(await statistics(db), [1, 0, 0, 2, 33.3]);
  await db.query('delete from tracks where archived_to_storage');
  assert.deepEqual(await statistics(db), [0, 0, 0, 2, 0]);
});

test('a flag that is null counts as not archived', async (t) => {
  const db = await testDatabase(t);
  await newTrack(db, await newUser(db), { archived_to_storage: null });
  assert.deepEqual(await statistics(db), [0, 1, 0, 0, 0]);
});
