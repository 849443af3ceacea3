import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { applyMigration, listMigrations } from '../../adapters/database/migrations.ts';
import { migrationFiles } from '../../local/postgres/database.ts';
import { until } from '../support/until.ts';
import { onConnection } from './app.ts';
import { migrationPath, startingDatabase } from './starting-databases.ts';

const strength = [
  'share update exclusive',
  'share',
  'share row exclusive',
  'exclusive',
  'access exclusive',
];

/** `AccessExclusiveLock` as the documentation writes it. */
const words = (mode: string): string =>
  mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();

/** The strongest lock that a header admits for each table, from its lines `-- Lock: table mode, …`. */
function admitted(sql: string): Map<string, string> {
  const found = sql.matchAll(/^-- Lock: (?<table>[a-z_]+\.[a-z_]+) (?<mode>[a-z ]+?),/gm);
  return new Map([...found].map(({ groups }) => [groups?.table ?? '', groups?.mode ?? '']));
}

/** The tables of others, and our jobs, which a migration may make wait. What rows are written with makes nobody wait. */
const watched = ['public.tracks', 'public.track_archiving_jobs', 'storage.objects'];

test('what a migration locks, in an app that is full, stands in its header', async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  for (const file of migrationFiles()) {
    const before = await db.query("select to_regclass('public.track_archiving_jobs') as jobs");
    const sql = readFileSync(migrationPath(file), 'utf8');
    const rows = await onConnection(db, async (client) => {
      await client.query('begin');
      await client.query(sql);
      const held = await client.query(`select n.nspname || '.' || c.relname as table, l.mode
      from pg_locks as l join pg_class as c on c.oid = l.relation
      join pg_namespace as n on n.oid = c.relnamespace
      where l.pid = pg_backend_pid() and l.granted
        and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')`);
      await client.query('commit');
      return held.rows;
    });

    const header = admitted(sql);
    for (const table of watched) {
      // A table made by this very transaction is nobody's to wait for.
      if (table === 'public.track_archiving_jobs' && before[0]?.jobs === null) continue;
      const held = rows
        .filter((row) => row.table === table)
        .map((row) => strength.indexOf(words(row.mode)));
      const strongest = held.length === 0 ? undefined : strength[Math.max(...held)];
      assert.equal(strongest, header.get(table), `${file}: ${table}`);
    }
  }
});

test('a migration that cannot have its lock gives up at once instead of queueing the app behind it', () => {
  for (const file of migrationFiles()) {
    const sql = readFileSync(migrationPath(file), 'utf8');
    assert.match(sql, /^set local lock_timeout = '500ms';$/m, file);
  }
});

test('the runner tries again, and meanwhile the app reads on', async (t) => {
  const db = await startingDatabase(t, 'an app that is full');
  const [adoption, tracks] = listMigrations();
  assert.ok(adoption && tracks);
  await onConnection(db, async (runner) => {
    await applyMigration(runner, adoption);
    await onConnection(db, async (app) => {
      await app.query('begin');
      await app.query('select from tracks limit 1');
      const applied = applyMigration(runner, tracks, 10);
      const waiting = () =>
        db.query("select from pg_locks where not granted and relation = 'public.tracks'::regclass");
      // Two tries at least, and a read of the app's between them.
      await until(async () => (await waiting()).length > 0);
      await db.query('select from tracks limit 1');
      await until(async () => (await waiting()).length > 0);
      await app.query('commit');
      assert.equal(await applied, true);
    });
  });
});
