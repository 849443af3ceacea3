import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import {
  applyMigration,
  listMigrations,
  pendingMigrations,
} from '../../adapters/database/migrations.ts';
import { applyMigrations } from '../../local/postgres/database.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

/** The CLI's own record, as `supabase db push` makes it (supabase/cli 1d1e719, pkg/migration/history.go). */
const cliRecord = `create schema if not exists supabase_migrations;
  create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
  alter table supabase_migrations.schema_migrations add column if not exists statements text[];
  alter table supabase_migrations.schema_migrations add column if not exists name text`;

async function pushed(db: TestDatabase, files: { version: string; name: string | null }[]) {
  await db.query(cliRecord);
  for (const { version, name } of files) {
    await db.query(
      'insert into supabase_migrations.schema_migrations (version, name) values ($1, $2)',
      [version, name],
    );
  }
}

/** Versions that make `supabase db push` refuse: the database has them and the folder has not (pkg/migration/apply.go). */
async function refused(db: TestDatabase, folder: string[]): Promise<string[]> {
  const [{ found }] = await db.query(
    "select to_regclass('supabase_migrations.schema_migrations') is not null as found",
  );
  if (!found) return [];
  const rows = await db.query(
    'select version from supabase_migrations.schema_migrations order by 1',
  );
  return rows.map(({ version }) => version).filter((version) => !folder.includes(version));
}

async function clientOf(t: Cleanup, db: TestDatabase): Promise<pg.Client> {
  const client = new pg.Client(db.url);
  await client.connect();
  t.onTestFinished(() => client.end());
  return client;
}

const ours = listMigrations().map(({ version }) => version);
const apps = [{ version: '20260101000000', name: 'app' }];

test("situation 45: after connect neither the app's `supabase db push` nor ours is refused", async (t) => {
  const app = await testDatabase(t, { migrated: false });
  await pushed(app, apps);
  await applyMigrations(app.url);
  assert.deepEqual(await refused(app, ['20260101000000']), []);

  const empty = await testDatabase(t, { migrated: false });
  await applyMigrations(empty.url);
  assert.deepEqual(await refused(empty, ours), []);
});

test('situation 45: what `supabase db push` has applied from our folder counts as applied', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  const client = await clientOf(t, db);
  const [first, ...others] = listMigrations();
  assert.ok(first);
  await pushed(db, [first]);
  assert.deepEqual(await pendingMigrations(client), others);
  assert.equal(await applyMigration(client, first), false);
});

test("a migration of the app's that happens to have a version of ours is not taken for it", async (t) => {
  const db = await testDatabase(t, { migrated: false });
  const client = await clientOf(t, db);
  const [first] = listMigrations();
  await pushed(db, [{ version: first?.version ?? '', name: 'of_the_app' }]);
  assert.deepEqual(await pendingMigrations(client), listMigrations());
});

test('the record says what was applied, and when', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(
    'select version, name, applied_at <= now() as dated from archiver.migrations order by 1',
  );
  assert.deepEqual(
    rows,
    listMigrations().map(({ version, name }) => ({ version, name, dated: true })),
  );
});
