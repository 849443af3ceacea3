import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { newTrack, newUser, onConnection, sqlstate, storageUrl, trackOf } from './app.ts';

async function archivedTrack(db: TestDatabase) {
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await db.query('select mark_track_archived($1, $2)', [track, storageUrl('audio')]);
  return { user, track, row: await trackOf(db, track) };
}

const wholeRow = (row: Record<string, unknown>) => {
  const names = Object.keys(row);
  return {
    names: names.join(', '),
    places: names.map((_, index) => `$${index + 1}`).join(', '),
    assignments: names.map((name, index) => `${name} = $${index + 1}`).join(', '),
    updates: names.map((name) => `${name} = excluded.${name}`).join(', '),
    values: Object.values(row),
  };
};

test('an app that writes the whole row back, unchanged but for the title, is not refused', async (t) => {
  const db = await testDatabase(t);
  const { user, track, row } = await archivedTrack(db);
  const { assignments, values } = wholeRow({ ...row, title: 'new' });
  await db.asUser(user, (query) =>
    query(`update tracks set ${assignments} where id = '${track}'`, values),
  );
  assert.deepEqual(await trackOf(db, track), { ...row, title: 'new' });
});

test('neither is an app that upserts the whole row', async (t) => {
  const db = await testDatabase(t);
  const { user, track, row } = await archivedTrack(db);
  const upsert = (changed: Record<string, unknown>) => {
    const { names, places, updates, values } = wholeRow({ ...row, ...changed });
    return db.asUser(user, (query) =>
      query(
        `insert into tracks (${names}) values (${places}) on conflict (id) do update set ${updates}`,
        values,
      ),
    );
  };
  await upsert({ title: 'new' });
  assert.equal((await trackOf(db, track)).title, 'new');
  assert.equal(await sqlstate(upsert({ storage_audio_url: 'https://evil.example' })), '42501');
  assert.equal((await trackOf(db, track)).storage_audio_url, storageUrl('audio'));
});

test('an upsert of a track that has no date yet does not meet the guard', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await db.query('update tracks set archive_scheduled_at = null');
  const { names, places, updates, values } = wholeRow({
    ...(await trackOf(db, track)),
    title: 'new',
  });
  await db.asUser(user, (query) =>
    query(
      `insert into tracks (${names}) values (${places}) on conflict (id) do update set ${updates}`,
      values,
    ),
  );
  assert.equal((await trackOf(db, track)).title, 'new');
});

test('a user who completes a track gets its date, although the column is not theirs', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, { status: 'processing' });
  await db.asUser(user, (query) =>
    query("update tracks set status = 'completed' where id = $1", [track]),
  );
  const { archive_scheduled_at, created_at } = await trackOf(db, track);
  assert.equal(archive_scheduled_at - created_at, 13 * 86_400_000);
});

test('a user who gives an archived track a new source opens it again without naming our columns', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  await db.asUser(user, (query) =>
    query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [track]),
  );
  assert.equal((await trackOf(db, track)).archived_to_storage, false);
});

test("the app's own functions that run as the owner of the table may do what they do", async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  await db.query(`create function public.reset_archive(_id uuid) returns void
    language sql security definer set search_path = ''
    as $$ update public.tracks set archived_to_storage = false where id = _id $$`);
  await db.asUser(user, (query) => query('select reset_archive($1)', [track]));
  assert.equal((await trackOf(db, track)).archived_to_storage, false);
});

test('updates of other columns call no function of ours', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  const other = await newTrack(db, user);
  const calls = (sql: string) =>
    onConnection(db, async (client) => {
      await client.query("set track_functions = 'all'");
      await client.query('begin');
      await client.query(sql);
      const { rows } = await client.query(
        "select funcname from pg_stat_xact_user_functions where schemaname = 'archiver' or funcname like '%archiv%'",
      );
      await client.query('commit');
      return rows.length;
    });
  const superuser = new pg.Client(db.adminUrl);
  await superuser.connect();
  await superuser.query('grant set on parameter track_functions to postgres');
  await superuser.end();
  const unrelated =
    "title = 'other', prompt = 'x', updated_at = now(), metadata = '{\"bpm\": 120}'";
  assert.equal(
    await calls(`update tracks set ${unrelated} where id in ('${track}', '${other}')`),
    0,
  );
  assert.notEqual(await calls(`update tracks set provider = 'fal' where id = '${other}'`), 0);
});
