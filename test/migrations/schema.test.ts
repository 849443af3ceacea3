import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { dumpSchema, schemaFile } from '../../local/postgres/dump-schema.ts';
import { testDatabase } from '../support/database.ts';

test('migrations/schema.sql is what the migrations make; `npm run schema` writes it', async (t) => {
  const db = await testDatabase(t);
  const [server] = await db.query("select current_setting('server_version_num')::integer as is");
  const written = readFileSync(schemaFile, 'utf8');
  // A privilege that PostgreSQL has from 17 on.
  const expected = server.is >= 170_000 ? written : written.replaceAll(' maintain,', '');
  assert.equal(await dumpSchema(db.url), expected);
});

test('the dump notices a changed function, grant, policy, index, comment or bucket', async (t) => {
  const db = await testDatabase(t);
  const changes = [
    "create or replace function archiver.clock() returns timestamptz language sql stable set search_path = pg_catalog, pg_temp as 'select now() + interval ''1 s'''",
    'grant references (title) on public.tracks to anon',
    'grant select on public.track_archiving_jobs to public',
    'create policy mine on public.tracks for select to anon using (true)',
    'create policy mine on storage.objects for select to anon using (true)',
    'create index on public.tracks (title)',
    "comment on table public.tracks is 'changed'",
    "update storage.buckets set file_size_limit = 1 where id = 'tracks-audio'",
    'alter table public.tracks add column mine text',
  ];
  let before = await dumpSchema(db.url);
  for (const change of changes) {
    await db.query(change);
    const now = await dumpSchema(db.url);
    assert.notEqual(now, before, change);
    before = now;
  }
});
