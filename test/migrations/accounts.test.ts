import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { claim, jobOf, newTrack, newUser, plan, service, sqlstate, worker } from './app.ts';

test('a user who deletes the account takes tracks, jobs and notifications along, in every state', async (t) => {
  const db = await testDatabase(t);
  const [user, other] = [await newUser(db), await newUser(db)];
  const [planned, claimed, failed, archived] = [
    await newTrack(db, user),
    await newTrack(db, user),
    await newTrack(db, user),
    await newTrack(db, user),
  ];
  await plan(db, planned);
  await claim(db, claimed);
  await worker(db, await claim(db, failed)).fail();
  await service(db)("select mark_track_archived($1, 'https://s')", [archived]);
  const kept = await newTrack(db, other);
  await plan(db, kept);

  await db.query('delete from auth.users where id = $1', [user]);
  assert.deepEqual(await db.query('select id from tracks'), [{ id: kept }]);
  assert.deepEqual(await db.query('select track_id from track_archiving_jobs'), [
    { track_id: kept },
  ]);
  assert.deepEqual(await db.query('select * from notifications'), []);
});

test('a user deletes a track while a worker has it; the worker finds its lease lost', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const at = worker(db, await claim(db, track));
  await db.asUser(user, (query) => query('delete from tracks where id = $1', [track]));
  assert.equal(await at.store('audio', 'https://s/a'), false);
  assert.equal(await at.complete(), 'lease_lost');
  assert.equal(await at.fail(), false);
  assert.equal(await at.release(), false);
  assert.equal((await claim(db, track)).outcome, 'not_found');
  assert.deepEqual(await db.query('select * from notifications'), []);
});

test('a track that goes to another user is archived for the new one', async (t) => {
  const db = await testDatabase(t);
  const [from, to] = [await newUser(db), await newUser(db)];
  const track = await newTrack(db, from);
  await plan(db, track);
  await db.query('update tracks set user_id = $2 where id = $1', [track, to]);
  assert.equal((await claim(db, track)).user_id, to);
  assert.equal((await jobOf(db, track)).user_id, to);
});

test('a job needs a track', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const insert = db.query(
    'insert into track_archiving_jobs (track_id, user_id) values (gen_random_uuid(), $1)',
    [user],
  );
  assert.equal(await sqlstate(insert), '23503');
});
