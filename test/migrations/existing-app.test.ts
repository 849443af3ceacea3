import assert from 'node:assert/strict';
import { test } from 'vitest';
import { applyMigrations } from '../../local/postgres/database.ts';
import { testDatabase } from '../support/database.ts';
import { newUser, plan, service } from './app.ts';
import { startingDatabase } from './starting-databases.ts';

test('a full table of tracks is not rewritten: what can still be saved gets its date, no other row is touched', async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  const expired =
    "update tracks set created_at = now() - interval '20 days' where title = 'Track 7'";
  await db.query(expired);
  const state = () =>
    db.query(`select pg_relation_filenode('public.tracks') as file, count(*)::int as rows,
      sum(hashtext(t.id::text || t.title || t.lyrics || t.created_at))::text as content,
      sum(hashtext(t.id::text || t.xmin)) filter (where status <> 'completed' or title = 'Track 7')::text as untouched
      from public.tracks as t`);
  const before = await state();
  assert.equal(before[0]?.rows, 20_000);
  await applyMigrations(db.url);
  await db.query('select public.adopt_tracks(20000)');
  assert.deepEqual(await state(), before);
  const dated = await db.query('select from tracks where archive_scheduled_at is not null');
  assert.equal(dated.length, 17_980);
});

test("the app's own columns, policies, indexes, grants and triggers stay as they were", async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  const own = () =>
    db.query(`select 'policy ' || policyname || coalesce(qual, '') || coalesce(with_check, '') as what
        from pg_policies where tablename = 'tracks'
      union all select 'index ' || indexdef from pg_indexes
        where tablename = 'tracks' and indexname <> 'tracks_archiving_worklist'
      union all select 'trigger ' || tgname || tgenabled::text from pg_trigger
        where tgrelid = 'public.tracks'::regclass and not tgisinternal and tgname not like 'track_archiving_%'
      union all select 'column ' || column_name || data_type || is_nullable || coalesce(column_default, '')
        from information_schema.columns where table_name = 'tracks' and column_name !~ 'archive|storage'
      union all select 'grant ' || grantee || ' ' || privilege_type from information_schema.role_table_grants
        where table_name = 'tracks' and grantee in ('anon', 'authenticated', 'service_role')
      order by 1`);
  const before = await own();
  await applyMigrations(db.url);
  assert.deepEqual(await own(), before);
});

test('tracks from before the archiver are on the worklist and can be planned', async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  await applyMigrations(db.url);
  await service(db)('select adopt_tracks(100000)');
  const work = await service(db)('select * from get_tracks_needing_archiving(100000)');
  // All of them were created within the last day.
  assert.equal(work.length, 0);
  const [old] = await db.query(
    "update tracks set created_at = now() - interval '14 days' where title = 'Track 7' returning id",
  );
  assert.equal(
    (await service(db)('select * from get_tracks_needing_archiving()'))[0]?.title,
    'Track 7',
  );
  assert.equal((await plan(db, old?.id)).action, 'schedule');
});

test('the worklist index is built in a small table and left to the operator in a large one', async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  const index = async () =>
    (await db.query("select to_regclass('public.tracks_archiving_worklist') as name"))[0]?.name;
  // Prompts that fill a page each, uncompressed and in line.
  await db.query(`alter table tracks alter column prompt set storage plain;
    update tracks set prompt = repeat('x', 5000) where title < 'Track 5'`);
  const [size] = await db.query("select pg_relation_size('public.tracks')::int as bytes");
  assert.ok(size?.bytes > 64 * 1024 * 1024);
  await applyMigrations(db.url);
  assert.equal(await index(), null);
  assert.deepEqual(await service(db)('select * from get_tracks_needing_archiving()'), []);

  const small = await startingDatabase(t, 'an app that is full');
  await applyMigrations(small.url);
  const [built] = await small.query(
    "select to_regclass('public.tracks_archiving_worklist') as name",
  );
  assert.equal(built?.name, 'tracks_archiving_worklist');
});

test('tracks that lack what the archiver needs are named before anything is changed', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await db.query(`create table public.tracks (id uuid, user_id uuid not null, title text, status text,
    audio_url text, created_at timestamp, metadata json, storage_audio_url integer)`);
  await assert.rejects(applyMigrations(db.url), (error) => {
    const { message } = error as Error;
    for (const problem of [
      'column cover_url (text) is missing',
      'column video_url (text) is missing',
      'column provider (text) is missing',
      'column metadata is json, not jsonb',
      'column created_at is timestamp without time zone, not timestamp with time zone',
      'column storage_audio_url is integer, not text',
      'id is neither its primary key nor unique',
    ]) {
      assert.ok(message.includes(problem), `${problem} in ${message}`);
    }
    return true;
  });
  const changed = await db.query(
    "select column_name from information_schema.columns where table_name = 'tracks' and column_name like 'arch%'",
  );
  assert.deepEqual(changed, []);
});

test('tracks whose status and provider are enums are served as well', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await db.query(`create type public.track_status as enum ('pending', 'completed', 'failed');
    create type public.track_provider as enum ('suno', 'replicate');
    create table public.tracks (id uuid primary key default gen_random_uuid(), user_id uuid not null,
      title varchar(200) not null, status public.track_status not null default 'pending',
      provider public.track_provider, audio_url varchar, cover_url varchar, video_url varchar,
      metadata jsonb, created_at timestamptz not null default now())`);
  await applyMigrations(db.url);
  const user = await newUser(db);
  const [track] = await db.query(
    `insert into tracks (user_id, title, status, provider, audio_url)
     values ($1, 'T', 'completed', 'replicate', 'https://replicate.delivery/a.wav') returning *`,
    [user],
  );
  assert.deepEqual(track?.archive_scheduled_at, track?.created_at);
  assert.equal((await plan(db, track?.id)).action, 'schedule');
  const [claimed] = await service(db)("select * from claim_track_archiving($1, 60, 'w')", [
    track?.id,
  ]);
  assert.equal(claimed?.outcome, 'claimed');
  assert.equal(claimed?.provider, 'replicate');
});
