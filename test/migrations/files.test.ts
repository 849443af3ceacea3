import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'vitest';
import { migrationFiles } from '../../local/postgres/database.ts';
import { schemaFile } from '../../local/postgres/dump-schema.ts';
import { testDatabase } from '../support/database.ts';
import { migrationPath, migrationVersion } from './starting-databases.ts';

test('every file in migrations/ is named as the Supabase CLI wants it, or it would never be applied', () => {
  const files = readdirSync(dirname(schemaFile)).filter((file) => file !== 'schema.sql');
  for (const file of files) assert.match(file, /^\d{14}_[a-z0-9_]+\.sql$/);
  const versions = files.map(migrationVersion);
  assert.equal(new Set(versions).size, versions.length, 'two have one version');
});

test('the header of every migration says why it is there, what it locks, and what it does when it is applied again', () => {
  for (const file of migrationFiles()) {
    const [header = ''] = readFileSync(migrationPath(file), 'utf8').split(/^(?!--)/m, 1);
    for (const part of ['Why', 'Lock', 'Again']) {
      assert.match(header, new RegExp(`^-- ${part}: \\S`, 'm'), file);
    }
  }
});

test('every table of ours has row level security', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(`select c.oid::regclass::text as name from pg_class as c
    where c.relkind in ('r', 'p') and not c.relrowsecurity
      and c.relnamespace in ('public'::regnamespace, 'archiver'::regnamespace)`);
  assert.deepEqual(rows, []);
});

test('no function, view or trigger is defined twice over all migrations', () => {
  const definition =
    /^\s*create (?:or replace )?(?:function|view|trigger) (?<name>[a-z_.0-9]+)(?: (?:before|after)[^;]*? on (?<table>[a-z_.]+))?/gm;
  const seen = new Map<string, string>();
  for (const file of migrationFiles()) {
    const sql = readFileSync(migrationPath(file), 'utf8');
    for (const { groups } of sql.matchAll(definition)) {
      const name = [groups?.name, groups?.table].join(' ');
      assert.equal(seen.get(name), undefined, `${name} in ${file}`);
      seen.set(name, file);
    }
  }
  assert.ok(seen.size > 40, `${seen.size} definitions found`);
});

test('every migration is short enough to be read', () => {
  for (const file of migrationFiles()) {
    const lines = readFileSync(migrationPath(file), 'utf8').split('\n').length;
    assert.ok(lines <= 350, `${file} has ${lines} lines`);
  }
});
