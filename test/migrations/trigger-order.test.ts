import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';

test('the names of triggers say whose they are and in which order they fire', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(`select tgrelid::regclass::text as on, tgname as name from pg_trigger
    where not tgisinternal and tgrelid in ('tracks'::regclass, 'track_archiving_jobs'::regclass)
    order by 1, tgname collate "C"`);
  const named = (table: string) => rows.filter((row) => row.on === table).map(({ name }) => name);
  assert.deepEqual(named('tracks'), [
    'track_archiving_100_guard_insert',
    'track_archiving_100_guard_update',
    'track_archiving_500_schedule_insert',
    'track_archiving_500_schedule_update',
    'track_archiving_700_touch_delete',
    'track_archiving_700_touch_insert',
    'track_archiving_700_touch_update',
    'track_archiving_900_follow_delete',
    'track_archiving_900_follow_insert',
    'track_archiving_900_follow_update',
  ]);
  assert.deepEqual(named('track_archiving_jobs'), [
    'track_archiving_100_mark_request',
    'track_archiving_200_accept_request',
    'track_archiving_300_date',
    'track_archiving_500_check_transition',
    'track_archiving_900_replace_former',
  ]);
});
