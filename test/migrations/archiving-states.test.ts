import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, newTrack, newUser, service } from './app.ts';

const statesOf = (db: TestDatabase, ids: string[]) =>
  service(db)(
    'select * from public.get_archiving_states($1) as s order by array_position($1, s.track_id)',
    [ids],
  );

test('tells title, deadline, and how the latest job stands', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, { title: 'Mine' });
  const { job_id, fencing_token } = await claim(db, track);
  await service(db)('select fail_track_archiving($1, $2, $3, $4)', [
    job_id,
    fencing_token,
    'provider_gone',
    '404',
  ]);
  const [state] = await statesOf(db, [track]);
  const { expires_at, job_created_at, job_updated_at, checked_at, ...rest } = state;
  assert.deepEqual(rest, {
    track_id: track,
    found: true,
    title: 'Mine',
    status: 'completed',
    archived_to_storage: false,
    archived_at: null,
    job_status: 'failed',
    job_renews: false,
    error_code: 'provider_gone',
    error_message: '404',
  });
  assert.ok(job_created_at < job_updated_at);
  assert.ok(job_updated_at <= checked_at && checked_at < expires_at);

  const again = await claim(db, track);
  assert.notEqual(again.job_id, job_id);
  const [retried] = await statesOf(db, [track]);
  assert.equal(retried.job_status, 'processing');
  assert.ok(retried.job_created_at > job_updated_at);
  assert.equal(retried.error_code, null);
});

test('answers once for each id, and says so where there is no such track', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const stranger = randomUUID();
  const rows = await statesOf(db, [track, stranger, track]);
  assert.deepEqual(
    rows.map(({ track_id, found, job_status }) => ({ track_id, found, job_status })),
    [
      { track_id: track, found: true, job_status: 'pending' },
      { track_id: stranger, found: false, job_status: null },
    ],
  );
  assert.deepEqual(
    [rows[1].title, rows[1].expires_at, rows[1].archived_to_storage],
    [null, null, false],
  );
  assert.ok(rows[1].checked_at instanceof Date);
  assert.deepEqual(await statesOf(db, []), []);
});
