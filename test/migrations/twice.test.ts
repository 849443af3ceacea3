import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { applyMigrations, migrationFiles } from '../../local/postgres/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { migrationVersion, type Start, startingDatabase, starts } from './starting-databases.ts';

/** Everything in the catalogue that a migration of ours could change. */
const catalogue = (db: TestDatabase) =>
  db.query(`
    select 'column ' || table_name || '.' || column_name || ' ' || data_type || is_nullable || coalesce(column_default, '') as it
      from information_schema.columns where table_schema in ('public', 'archiver')
    union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      from pg_constraint where connamespace in ('public'::regnamespace, 'archiver'::regnamespace)
    union all select 'index ' || indexdef from pg_indexes where schemaname in ('public', 'archiver')
    union all select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'policy ' || tablename || policyname || cmd || roles::text || coalesce(qual, '') || coalesce(with_check, '')
      from pg_policies
    union all select 'function ' || pg_get_functiondef(oid) || coalesce(proacl::text, '') from pg_proc
      where pronamespace in ('public'::regnamespace, 'archiver'::regnamespace)
    union all select 'relation ' || relname || relkind::text || coalesce(relacl::text, '') || relrowsecurity::text from pg_class
      where relnamespace in ('public'::regnamespace, 'archiver'::regnamespace)
    union all select 'row ' || b::text from (select id, public, file_size_limit, allowed_mime_types from storage.buckets) as b
    union all select 'row ' || p::text from public.track_archiving_policies as p
    union all select 'row ' || (s.only_row, s.language)::text from public.track_archiving_settings as s
    order by 1`);

async function forget(db: TestDatabase, version: string): Promise<void> {
  await db.query('delete from archiver.migrations where version >= $1', [version]);
}

describe('every migration applied twice changes nothing the second time', () => {
  for (const start of Object.keys(starts) as Start[]) {
    test(`${start}: one by one`, async (t) => {
      const once = await startingDatabase(t, start);
      await applyMigrations(once.url);
      const twice = await startingDatabase(t, start);
      for (const version of migrationFiles().map(migrationVersion)) {
        await applyMigrations(twice.url, version);
        await forget(twice, version);
        await applyMigrations(twice.url, version);
      }
      assert.deepEqual(await catalogue(twice), await catalogue(once));
    });

    test(`${start}: all of them after all of them, with jobs in every state`, async (t) => {
      const db = await startingDatabase(t, start);
      await applyMigrations(db.url);
      await db.query(`insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
        insert into tracks (user_id, title, prompt, status, audio_url, created_at)
        select '00000000-0000-4000-8000-000000000001', 'Again ' || n, '', 'completed', 'https://cdn1.suno.ai/a', '2026-01-01Z'
        from generate_series(1, 4) as n;
        select plan_track_archiving(id) from tracks where title = 'Again 1';
        select claim_track_archiving(id, 60, 'w') from tracks where title = 'Again 2';
        select fail_track_archiving(c.job_id, c.fencing_token, 'internal', '') from tracks as t, claim_track_archiving(t.id, 60, 'w') as c
          where t.title = 'Again 3';
        select mark_track_archived(id, 'https://s/a.mp3') from tracks where title = 'Again 4'`);
      const rows = () =>
        db.query(
          'select j::text from track_archiving_jobs as j union all select t::text from tracks as t order by 1',
        );
      const [before, rowsBefore] = [await catalogue(db), await rows()];
      await forget(db, '0');
      await applyMigrations(db.url);
      assert.deepEqual(await catalogue(db), before);
      assert.deepEqual(await rows(), rowsBefore);
    });
  }
});
