import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { assetKinds, buckets } from '../../core/assets.ts';
import { storedMimes } from '../../core/media/recogniser.ts';
import { applyMigrations, migrationFiles } from '../../local/postgres/database.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { warningsOf } from './sent-webhooks.ts';
import { migrationPath } from './starting-databases.ts';

const bucket = async (db: TestDatabase, id: string) =>
  (await db.query('select * from storage.buckets where id = $1', [id]))[0];

test('the buckets take every type and every size that the archiver stores', async (t) => {
  const db = await testDatabase(t);
  for (const kind of assetKinds) {
    const row = await bucket(db, buckets[kind].id);
    assert.equal(Number(row?.file_size_limit), buckets[kind].maxBytes);
    assert.equal(row?.public, true);
    for (const mime of storedMimes(kind)) {
      assert.ok(row?.allowed_mime_types.includes(mime), `${mime} in ${kind}`);
    }
  }
});

test('covers are pictures of six kinds and videos are mp4 or webm', async (t) => {
  const db = await testDatabase(t);
  assert.deepEqual((await bucket(db, 'tracks-covers'))?.allowed_mime_types, [
    'image/jpeg',
    'image/png',
    'image/webp',
    'image/gif',
    'image/avif',
    'image/apng',
  ]);
  assert.deepEqual((await bucket(db, 'tracks-videos'))?.allowed_mime_types, [
    'video/mp4',
    'video/webm',
  ]);
});

test('buckets that exist are brought to the limits of the spec and keep their own types and files', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await db.query(`insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
      ('tracks-audio', 'tracks-audio', false, 1000, '{audio/midi,audio/mpeg}'),
      ('tracks-covers', 'tracks-covers', true, null, null),
      ('avatars', 'avatars', false, 5, '{image/gif}');
    insert into storage.objects (bucket_id, name) values ('tracks-audio', 'a/b.mid')`);
  const avatars = await bucket(db, 'avatars');
  await applyMigrations(db.url);
  const audio = await bucket(db, 'tracks-audio');
  assert.deepEqual([audio?.public, Number(audio?.file_size_limit)], [true, 104_857_600]);
  assert.ok(audio?.allowed_mime_types.includes('audio/midi'));
  assert.equal(new Set(audio?.allowed_mime_types).size, audio?.allowed_mime_types.length);
  assert.equal((await bucket(db, 'tracks-covers'))?.allowed_mime_types.length, 6);
  assert.deepEqual(await bucket(db, 'avatars'), avatars);
  assert.equal((await db.query('select from storage.objects')).length, 1);
});

test('a policy of the app that opens the buckets to everybody is named in a warning', async (t) => {
  const db = await testDatabase(t);
  await db.query(`create policy "Anyone uploads audio" on storage.objects for insert
      with check (bucket_id = 'tracks-audio');
    create policy "Anyone looks" on storage.objects for select using (bucket_id = 'tracks-covers');
    create policy "Own avatars" on storage.objects for insert with check (bucket_id = 'avatars');
    create policy "Own audio" on storage.objects for insert
      with check (bucket_id = 'tracks-audio' and owner = auth.uid())`);
  const file = migrationFiles().find((each) => each.endsWith('_storage.sql')) ?? '';
  const warnings = await warningsOf(db, readFileSync(migrationPath(file), 'utf8'));
  const about = warnings.filter((each) => each.includes('storage.objects lets'));
  assert.equal(about.length, 2);
  assert.match(about.join(), /"Anyone uploads audio" .* lets users insert/);
  assert.match(about.join(), /"Anyone looks" .* lets users list/);
});
