import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const ours = `select p.oid::regprocedure::text as name, p.prosecdef as definer, p.proconfig as settings,
    p.prosqlbody is not null as bound,
    array(select r.rolname::text from pg_roles as r where r.rolname in ('anon', 'authenticated')
      and has_function_privilege(r.oid, p.oid, 'execute')) as executable_by
  from pg_proc as p where p.pronamespace in ('public'::regnamespace, 'archiver'::regnamespace)`;

/** An empty path would look for types in pg_temp first, where every session may make some. */
const safePath = 'pg_catalog, pg_temp';

test('no function of ours can be executed by users, whatever schema it is in', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(ours);
  assert.ok(functions.length > 20);
  assert.deepEqual(
    functions.filter((each) => each.executable_by.length > 0),
    [],
  );
});

test('situation 54: names in functions of ours are bound, or looked up in pg_temp last', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(ours);
  assert.deepEqual(
    functions
      .filter(({ bound, settings }) => !bound && !settings?.includes(`search_path=${safePath}`))
      .map((each) => each.name),
    [],
  );
});

test('situation 54: functions that run as their owner set their search path, even where names are bound', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(ours);
  const definers = functions.filter((each) => each.definer);
  assert.ok(definers.length > 0);
  for (const { name, settings } of definers) {
    assert.ok(settings?.includes(`search_path=${safePath}`), name);
  }
});

test('only trigger functions run as their owner, and the one that has to find an account for a trial', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(`select * from (${ours}) as f where definer order by name`);
  assert.deepEqual(
    functions.map((each) => each.name),
    [
      'archiver.accept_request()',
      'archiver.date_job()',
      'archiver.follow_tracks()',
      'archiver.keep_leftovers()',
      'archiver.replace_former_jobs()',
      'archiver.wake_refused()',
      'check_track_notifications()',
      'schedule_track_archiving()',
    ],
  );
});

test('users have no way into the private schema', async (t) => {
  const db = await testDatabase(t);
  const [row] = await db.query(`select has_schema_privilege('anon', 'archiver', 'usage') as anon,
    has_schema_privilege('authenticated', 'archiver', 'usage') as authenticated`);
  assert.deepEqual(row, { anon: false, authenticated: false });
});

test('the service executes each function that PostgREST offers', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(`select p.proname from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
      and has_function_privilege('service_role', p.oid, 'execute') order by 1`);
  assert.deepEqual(
    rows.map((row) => row.proname),
    [
      'adopt_tracks',
      'archive_without_optional',
      'audit_stored_files',
      'check_track_notifications',
      'claim_track_archiving',
      'close_track_archiving',
      'compact_track_counts',
      'complete_track_archiving',
      'confirm_track_schedule',
      'fail_track_archiving',
      'forget_leftover',
      'get_archiving_backlog',
      'get_archiving_states',
      'get_removable_objects',
      'get_tracks_needing_archiving',
      'mark_track_archived',
      'open_missing_jobs',
      'plan_track_archiving',
      'refresh_deadlines',
      'release_track_archiving',
      'store_track_asset',
      'take_stalled_tracks',
    ],
  );
});

test('users hold no privilege on tables of ours but those that they need', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(`
    select c.relname || ': ' || string_agg(distinct r.rolname || ' ' || lower(a.privilege_type), ', '
      order by r.rolname || ' ' || lower(a.privilege_type)) as grants
    from pg_class as c, aclexplode(c.relacl) as a
    join pg_roles as r on r.oid = a.grantee or a.grantee = 0 and r.rolname = 'anon'
    where c.relnamespace in ('public'::regnamespace, 'archiver'::regnamespace)
      and r.rolname in ('anon', 'authenticated')
    group by c.relname order by c.relname`);
  assert.deepEqual(
    rows.map((row) => row.grants),
    [
      'notifications: authenticated delete, authenticated select',
      'track_archiving_files: authenticated select',
      'track_archiving_jobs: authenticated select',
      'tracks: authenticated delete, authenticated insert, authenticated select, authenticated update',
    ],
  );
});
