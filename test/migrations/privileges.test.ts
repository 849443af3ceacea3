import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const ours = `select p.oid::regprocedure::text as name, p.prosecdef as definer, p.proconfig as settings,
    p.prosqlbody is not null as bound,
    array(select r.rolname::text from pg_roles as r where r.rolname in ('anon', 'authenticated')
      and has_function_privilege(r.oid, p.oid, 'execute')) as executable_by
  from pg_proc as p where p.pronamespace in ('public'::regnamespace, 'archiver'::regnamespace)`;

test('no function of ours can be executed by users, whatever schema it is in', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(ours);
  assert.ok(functions.length > 20);
  assert.deepEqual(
    functions.filter((each) => each.executable_by.length > 0),
    [],
  );
});

test('every function of ours has an empty search path, or a body bound to its names', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(ours);
  assert.deepEqual(
    functions
      .filter((each) => !each.bound && !each.settings?.includes('search_path=""'))
      .map((each) => each.name),
    [],
  );
});

test('only trigger functions run as their owner', async (t) => {
  const db = await testDatabase(t);
  const functions = await db.query(`select * from (${ours}) as f where definer order by name`);
  assert.deepEqual(
    functions.map((each) => each.name),
    [
      'archiver.accept_request()',
      'archiver.announce_track()',
      'archiver.follow_track()',
      'archiver.open_late_job()',
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
      'claim_track_archiving',
      'close_track_archiving',
      'complete_track_archiving',
      'confirm_track_schedule',
      'fail_track_archiving',
      'get_archiving_backlog',
      'get_archiving_states',
      'get_lost_tracks',
      'get_tracks_needing_archiving',
      'get_unscheduled_tracks',
      'mark_track_archived',
      'move_archive_dates_forward',
      'plan_track_archiving',
      'release_track_archiving',
      'store_track_asset',
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
      'track_archiving_jobs: authenticated select',
      'tracks: authenticated delete, authenticated insert, authenticated select, authenticated update',
    ],
  );
});
