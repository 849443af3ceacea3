import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';

/** The database and storage sections of the spec, word by word. */
const columns = {
  tracks: {
    archived_to_storage: 'boolean',
    storage_audio_url: 'text',
    storage_cover_url: 'text',
    storage_video_url: 'text',
    archive_scheduled_at: 'timestamp with time zone',
    archived_at: 'timestamp with time zone',
  },
  track_archiving_jobs: {
    id: 'uuid',
    track_id: 'uuid',
    user_id: 'uuid',
    status: 'text',
    original_audio_url: 'text',
    original_cover_url: 'text',
    original_video_url: 'text',
    storage_audio_url: 'text',
    storage_cover_url: 'text',
    storage_video_url: 'text',
    started_at: 'timestamp with time zone',
    completed_at: 'timestamp with time zone',
    error_message: 'text',
    metadata: 'jsonb',
  },
  archive_statistics: {
    total_archived: 'bigint',
    pending_archive: 'bigint',
    urgent_archive_needed: 'bigint',
    expired_tracks: 'bigint',
    archive_percentage: 'numeric',
  },
  notifications: {
    user_id: 'uuid',
    type: 'text',
    title: 'text',
    message: 'text',
    link: 'text',
  },
};

test('every table and column of the spec is in the database under its name', async (t) => {
  const db = await testDatabase(t);
  for (const [table, expected] of Object.entries(columns)) {
    const rows = await db.query(
      `select column_name, data_type from information_schema.columns
       where table_schema = 'public' and table_name = $1`,
      [table],
    );
    const found = Object.fromEntries(rows.map((row) => [row.column_name, row.data_type]));
    for (const [name, type] of Object.entries(expected)) {
      assert.equal(found[name], type, `${table}.${name}`);
    }
  }
});

test('archived_to_storage is false by default', async (t) => {
  const db = await testDatabase(t);
  const [row] = await db.query(`select column_default from information_schema.columns
    where table_name = 'tracks' and column_name = 'archived_to_storage'`);
  assert.equal(row?.column_default, 'false');
});

test('the functions of the spec take the parameters that are called by name', async (t) => {
  const db = await testDatabase(t);
  const rows =
    await db.query(`select proname, pg_get_function_arguments(oid) as arguments from pg_proc
    where pronamespace = 'public'::regnamespace and proname in
      ('schedule_track_archiving', 'get_tracks_needing_archiving', 'mark_track_archived') order by proname`);
  assert.deepEqual(rows, [
    { proname: 'get_tracks_needing_archiving', arguments: '_limit integer DEFAULT 50' },
    {
      proname: 'mark_track_archived',
      arguments:
        '_track_id uuid, _storage_audio_url text, _storage_cover_url text DEFAULT NULL::text, _storage_video_url text DEFAULT NULL::text',
    },
    { proname: 'schedule_track_archiving', arguments: '' },
  ]);
});

test('get_tracks_needing_archiving returns at least track_id, title and days_until_expiry', async (t) => {
  const db = await testDatabase(t);
  const [row] = await db.query(
    "select pg_get_function_result('get_tracks_needing_archiving(integer)'::regprocedure) as result",
  );
  for (const name of ['track_id uuid', 'title text', 'days_until_expiry numeric']) {
    assert.ok(row?.result.includes(name), name);
  }
});

test('the policies and buckets of the spec are there', async (t) => {
  const db = await testDatabase(t);
  const policies = await db.query(
    "select policyname, roles::text[], cmd from pg_policies where tablename = 'track_archiving_jobs' order by 1",
  );
  assert.deepEqual(policies, [
    { policyname: 'Service can manage jobs', roles: ['service_role'], cmd: 'ALL' },
    { policyname: 'Users can archive own tracks', roles: ['authenticated'], cmd: 'INSERT' },
    { policyname: 'Users can read own archiving jobs', roles: ['authenticated'], cmd: 'SELECT' },
  ]);
  const buckets = await db.query('select id, name, public from storage.buckets order by id');
  assert.deepEqual(
    buckets,
    ['tracks-audio', 'tracks-covers', 'tracks-videos'].map((id) => ({
      id,
      name: id,
      public: true,
    })),
  );
});
