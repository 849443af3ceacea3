import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { migrationFiles } from '../../local/postgres/database.ts';
import { testDatabase } from '../support/database.ts';
import { jobOf, moveClock, newTrack, newUser } from './app.ts';

/** Everything in SQL that reads the machine's clock, of which a moved `archiver.clock()` knows nothing. */
const machineClock =
  /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|age)\s*\(|\b(current_date|current_time|current_timestamp|localtime|localtimestamp)\b|'(now|today|tomorrow|yesterday)'/i;

const columnDefault = /^(?:add column if not exists |alter column )?(\w+) (?:timestamptz|set) /;

const ofTheApp = 'The app’s own column. Whoever inserts a row may not call archiver.clock().';
const overwritten =
  'Overwritten by triggers and functions of ours. Users who insert a row may not call archiver.clock().';

const adopted = 'Of the legacy system, before there is an archiver.clock().';
/** Each place that may read it, with the reason. */
const allowed: Record<string, string> = {
  'adoption.sql: created_at = coalesce(j.created_at, j.started_at, now()),': adopted,
  'adoption.sql: default of created_at': adopted,
  'adoption.sql: default of updated_at': adopted,
  'adoption.sql: then coalesce(j.completed_at, j.started_at, j.created_at, now()) else j.completed_at end,':
    adopted,
  'adoption.sql: updated_at = coalesce(j.updated_at, j.completed_at, j.started_at, now());':
    adopted,
  "settings.sql: create or replace function archiver.clock() returns timestamptz language sql stable return date_trunc('milliseconds', now());":
    'archiver.clock() itself.',
  'tracks.sql: default of created_at': ofTheApp,
  'record.sql: default of created_at': overwritten,
};

function place(line: string): string {
  const column = columnDefault.exec(line)?.[1];
  return column !== undefined && line.includes(' default now()') ? `default of ${column}` : line;
}

test('no migration reads the machine’s clock but by archiver.clock() and in the defaults listed here', () => {
  const found = migrationFiles().flatMap((file) =>
    readFileSync(join(import.meta.dirname, '../../migrations', file), 'utf8')
      .split('\n')
      .map((line) => line.replace(/--.*/, '').trim())
      .filter((line) => machineClock.test(line))
      .map((line) => `${file.replace(/^\d+_/, '')}: ${place(line)}`),
  );
  assert.deepEqual([...new Set(found)].sort(), Object.keys(allowed).sort());
});

test('a job that is opened under a moved clock is of that time, as in production', async (t) => {
  const db = await testDatabase(t);
  await moveClock(db, '16 days');
  const track = await newTrack(db, await newUser(db));
  const { created_at, next_check_at } = await jobOf(db, track);
  const [{ at }] = (await db.query('select archiver.clock() as at')) as [{ at: Date }];
  assert.ok(Math.abs(at.getTime() - created_at.getTime()) < 60_000);
  assert.equal(next_check_at.getTime() - created_at.getTime(), 300_000);
});
