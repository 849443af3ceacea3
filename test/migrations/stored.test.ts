import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { test } from 'vitest';
import { type AssetKind, buckets } from '../../core/assets.ts';
import { migrationFiles } from '../../local/postgres/database.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import {
  claim,
  jobOf,
  newTrack,
  newUser,
  putObject,
  sqlstate,
  storageUrl,
  trackOf,
  worker,
} from './app.ts';
import { migrationPath } from './starting-databases.ts';

const claimed = async (db: TestDatabase) => {
  const track = await newTrack(db, await newUser(db));
  return { track, at: worker(db, await claim(db, track)) };
};

const asAdmin = async (db: TestDatabase, sql: string) => {
  const client = new pg.Client(db.adminUrl);
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

/** What stands at an asset's address goes, as far as anybody who asks for it can tell. */
const moveAway = (db: TestDatabase, asset: AssetKind) =>
  db.query(
    "update storage.objects set name = name || gen_random_uuid()::text where bucket_id = $1 and name = 'user/file'",
    [buckets[asset].id],
  );

test('an asset is recorded only if Storage has it, with the bytes that the worker counted', async (t) => {
  const db = await testDatabase(t);
  const { track, at } = await claimed(db);
  const url = storageUrl('audio');
  const before = await jobOf(db, track);
  const refused = async (where: string, address = url, details: object = { bytes: 3 }) => {
    assert.equal(await sqlstate(at.record('audio', address, details)), 'TA001', where);
    assert.deepEqual(await jobOf(db, track), before, where);
  };
  await refused('Storage has nothing');
  await refused('Storage has nothing, and nobody counted', url, {});
  await putObject(db, storageUrl('cover'));
  await refused('only another bucket has an object of this name');
  await refused('the address is of another bucket', storageUrl('cover'));
  await putObject(db, url, 2);
  await refused('Storage has fewer bytes');
  await putObject(db, url);
  await refused('nobody counted', url, {});
  await refused('the address is not Storage’s', 'https://cdn.example/tracks-audio/user/file');
  await refused('the address is longer', `${url}?download`);
  await db.query('update storage.objects set metadata = null');
  await refused('Storage does not know its length');
  await putObject(db, url);
  assert.equal(await at.record('audio', url, { bytes: 3 }), true);
  assert.equal((await jobOf(db, track)).storage_audio_url, url);
});

test('what is gone needs no object', async (t) => {
  const db = await testDatabase(t);
  const { at } = await claimed(db);
  assert.equal(await at.record('cover', null, { code: 'provider_gone' }), true);
});

test('a track is not archived without a file that was recorded and is there no more', async (t) => {
  const db = await testDatabase(t);
  const { track, at } = await claimed(db);
  for (const asset of ['audio', 'cover', 'video'] as const)
    await at.store(asset, storageUrl(asset));
  const forgotten = async (asset: AssetKind) => {
    assert.equal(await at.complete(), 'not_stored', asset);
    const job = await jobOf(db, track);
    assert.equal(job.status, 'processing', 'and the worker still has it');
    for (const each of ['audio', 'cover', 'video'] as const) {
      assert.equal(job[`storage_${each}_url`], each === asset ? null : storageUrl(each));
      assert.equal(each in job.metadata.assets, each !== asset);
    }
    assert.equal((await trackOf(db, track)).archived_to_storage, false);
    await at.store(asset, storageUrl(asset));
  };
  for (const asset of ['audio', 'cover', 'video'] as const) {
    await moveAway(db, asset);
    await forgotten(asset);
    await putObject(db, storageUrl(asset), 4);
    await forgotten(asset);
  }
  assert.equal(await at.complete(), 'completed');
});

test('a track that is opened again because its file is gone does not keep the old word for it', async (t) => {
  const db = await testDatabase(t);
  const { track, at } = await claimed(db);
  for (const asset of ['audio', 'cover', 'video'] as const)
    await at.store(asset, storageUrl(asset));
  assert.equal(await at.complete(), 'completed');
  await moveAway(db, 'audio');
  await db.query('update tracks set archived_to_storage = false');
  const next = worker(db, await claim(db, track));
  assert.equal(await next.complete(), 'not_stored');
  await next.store('audio', storageUrl('audio'));
  assert.equal(await next.complete(), 'completed');
});

test('where Storage keeps versions, only the current one counts', async (t) => {
  const db = await testDatabase(t);
  const { at } = await claimed(db);
  const url = storageUrl('audio');
  await putObject(db, url, 3);
  await db.query(
    "update storage.objects set is_versioned = true, version = 'a', archived_at = now()",
  );
  assert.equal(await sqlstate(at.record('audio', url, { bytes: 3 })), 'TA001', 'a former version');
  const add = (columns: string) =>
    db.query(`insert into storage.objects (bucket_id, name, metadata, is_versioned, version, is_delete_marker)
      values ('tracks-audio', 'user/file', '{"size": 5}', true, ${columns})`);
  await add("'b', true");
  assert.equal(await sqlstate(at.record('audio', url, { bytes: 5 })), 'TA001', 'deleted');
  await db.query("update storage.objects set archived_at = now() where version = 'b'");
  await add("'c', false");
  assert.equal(await sqlstate(at.record('audio', url, { bytes: 3 })), 'TA001', 'not the former');
  assert.equal(await at.record('audio', url, { bytes: 5 }), true);
});

test('a Storage from before versions will do', async (t) => {
  const db = await testDatabase(t);
  const { at } = await claimed(db);
  await asAdmin(
    db,
    `alter table storage.objects drop column archived_at, drop column is_versioned, drop column is_delete_marker;
     create unique index bucketid_objname on storage.objects (bucket_id, name)`,
  );
  const url = storageUrl('audio');
  assert.equal(await sqlstate(at.record('audio', url, { bytes: 3 })), 'TA001');
  await putObject(db, url);
  assert.equal(await at.record('audio', url, { bytes: 3 }), true);
});

test('the object is found by an index among many', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id, fencing_token } = await claim(db, track);
  const url = storageUrl('audio');
  await putObject(db, url);
  await asAdmin(
    db,
    `insert into storage.objects (bucket_id, name) select 'tracks-audio', 'user/' || n from generate_series(1, 20000) as n;
     analyze storage.objects`,
  );
  const [scans] = await db.as('service_role', {}, async (query) => {
    await query("select store_track_asset($1, $2, 'audio', $3, '{\"bytes\": 3}')", [
      ...[job_id, fencing_token, url],
    ]);
    return query(`select seq_scan::int, idx_scan::int from pg_stat_xact_all_tables
      where relid = 'storage.objects'::regclass`);
  });
  assert.deepEqual(scans, { seq_scan: 0, idx_scan: 1 });
});

test('the migration refuses a database in which the service could never look into Storage', async (t) => {
  const db = await testDatabase(t);
  await asAdmin(db, 'revoke select on storage.objects from service_role');
  const file = migrationFiles().find((each) => each.endsWith('_storage.sql')) ?? '';
  await assert.rejects(db.query(readFileSync(migrationPath(file), 'utf8')), {
    message: /service_role cannot read storage\.objects/,
    hint: /grant select on storage\.objects to service_role/,
  });
});
