import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { migrationFiles } from '../../local/postgres/database.ts';
import { testDatabase } from '../support/database.ts';
import { jobOf, moveClock, newTrack, newUser, trackOf } from './app.ts';

/** Everything in SQL that reads the machine's clock, of which a moved `archiver.clock()` knows nothing. */
const machineClock =
  /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|age)\s*\(|\b(current_date|current_time|current_timestamp|localtime|localtimestamp)\b|'(now|today|tomorrow|yesterday)'/i;

const columnDefault = /^(?:add column if not exists |alter column )?(\w+) (?:timestamptz|set) /;

const ofTheApp = 'The app’s own column. Whoever inserts a row may not call archiver.clock().';
const overwritten =
  'Overwritten by the trigger b_follow_inserted. Users who insert a row may not call archiver.clock().';

/** Each place that may read it, with the reason. */
const allowed: Record<string, string> = {
  "20261122000200_settings.sql: as $$ select date_trunc('milliseconds', now()) $$;":
    'archiver.clock() itself.',
  '20261122000100_tracks.sql: default of created_at': ofTheApp,
  '20261122000100_tracks.sql: default of updated_at': ofTheApp,
  '20261122000500_jobs.sql: default of created_at': overwritten,
  '20261122000500_jobs.sql: default of updated_at': overwritten,
  '20261122001100_notifications.sql: default of created_at': ofTheApp,
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
      .map((line) => `${file}: ${place(line)}`),
  );
  assert.deepEqual([...new Set(found)].sort(), Object.keys(allowed).sort());
});

test('a track whose calendar ran out by the moved clock has its job at once, as in production', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const updated = await newTrack(db, user);
  await db.query('delete from track_archiving_jobs where track_id = $1', [updated]);
  await moveClock(db, '16 days');
  await db.query("update tracks set cover_url = 'https://cdn1.suno.ai/new' where id = $1", [
    updated,
  ]);
  assert.equal((await jobOf(db, updated))?.status, 'pending', 'new sources');

  const inserted = await newTrack(db, user, { created_at: new Date() });
  assert.equal((await jobOf(db, inserted))?.status, 'pending', 'completed when it is inserted');

  await moveClock(db, '14 days');
  const inTime = await newTrack(db, user, { created_at: new Date() });
  assert.equal(await jobOf(db, inTime), undefined, 'due, and not expired: the webhook brings it');
  assert.ok((await trackOf(db, inTime)).archive_scheduled_at);
});
