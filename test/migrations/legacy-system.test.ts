import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { applyMigrations } from '../../local/postgres/database.ts';
import { afterSuite, type Cleanup } from '../support/cleanup.ts';
import { claim, jobOf, newTrack, newUser, plan, service, trackOf } from './app.ts';
import { type Scene, weaknesses } from './legacy-weaknesses.ts';
import { startingDatabase } from './starting-databases.ts';

async function scene(t: Cleanup): Promise<Scene> {
  const db = await startingDatabase(t, 'an app with the legacy system');
  const [victim, attacker] = [await newUser(db), await newUser(db)];
  const old = { created_at: new Date(Date.now() - 13.5 * 86_400_000) };
  const victimTrack = await newTrack(db, victim, old);
  const attackerTrack = await newTrack(db, attacker, old);
  await newTrack(db, victim, { ...old, title: 'Lost', archived_to_storage: true });
  await db.query('refresh materialized view archive_statistics');
  const [job] = await db.query(
    `insert into track_archiving_jobs (track_id, user_id, status, started_at)
     values ($1, $2, 'processing', now() - interval '1 day') returning id`,
    [victimTrack, victim],
  );
  return { db, victim, attacker, victimTrack, attackerTrack, victimJob: job?.id };
}

describe('what was open in the legacy system is closed by the migrations', () => {
  const suite = afterSuite();
  let migrated: Promise<Scene> | undefined;
  const migratedScene = async () => {
    const made = await scene(suite);
    await applyMigrations(made.db.url);
    return made;
  };

  for (const weakness of weaknesses) {
    test(weakness.name, async (t) => {
      assert.equal(await weakness.isOpen(await scene(t)), true, 'it was open before');
      migrated ??= migratedScene();
      assert.equal(await weakness.isOpen(await migrated), false, 'it is closed now');
    });
  }
});

test('jobs that the legacy system left open end, and their tracks are archived after all', async (t) => {
  const { db, victim, victimTrack } = await scene(t);
  await db.query(
    `insert into track_archiving_jobs (track_id, user_id, status) values ($1, $2, 'processing'), ($1, $2, 'pending'), ($1, $2, null)`,
    [victimTrack, victim],
  );
  await applyMigrations(db.url);
  const jobs = await db.query(
    'select status, error_code from track_archiving_jobs where track_id = $1 order by is_latest, status',
    [victimTrack],
  );
  assert.deepEqual(jobs, [
    ...Array.from({ length: 4 }, () => ({ status: 'failed', error_code: 'legacy_system' })),
    { status: 'pending', error_code: null },
  ]);
  const work = await service(db)('select * from get_tracks_needing_archiving(1000)');
  assert.ok(work.some((row) => row.track_id === victimTrack));
  assert.equal((await plan(db, victimTrack)).action, 'schedule');
  assert.equal((await claim(db, victimTrack)).outcome, 'claimed');
});

test('files that the legacy system stored unchecked are copied again', async (t) => {
  const { db, victim, victimTrack } = await scene(t);
  const track = await trackOf(db, victimTrack);
  await db.query(
    `insert into track_archiving_jobs (track_id, user_id, status, original_audio_url, storage_audio_url, error_message, created_at)
     values ($1, $2, 'failed', $3, 'https://project.supabase.co/old.mp3', 'x', now() + interval '1 second')`,
    [victimTrack, victim, track.audio_url],
  );
  await applyMigrations(db.url);
  assert.equal((await claim(db, victimTrack)).storage_audio_url, null);
});

test('a track that is really archived stays archived, with its finished job', async (t) => {
  const { db, victim } = await scene(t);
  const done = await newTrack(db, victim, {
    archived_to_storage: true,
    storage_audio_url: 'https://project.supabase.co/a.mp3',
  });
  await db.query(
    "insert into track_archiving_jobs (track_id, user_id, status) values ($1, $2, 'completed')",
    [done, victim],
  );
  await applyMigrations(db.url);
  assert.equal((await trackOf(db, done)).archived_to_storage, true);
  assert.equal((await jobOf(db, done)).status, 'completed');
  assert.ok((await jobOf(db, done)).completed_at);
  assert.equal((await plan(db, done)).reason, 'already_archived');
});

test('nothing of the legacy system is left beside ours', async (t) => {
  const { db } = await scene(t);
  await applyMigrations(db.url);
  const triggers = await db.query(`select tgname from pg_trigger
    where tgrelid = 'public.tracks'::regclass and not tgisinternal order by 1`);
  assert.deepEqual(
    triggers.map((each) => each.tgname),
    [
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
      'update_tracks_updated_at',
    ],
  );
  assert.deepEqual(await db.query('select matviewname from pg_matviews'), []);
  const keys = await db.query(`select pg_get_constraintdef(oid) as key from pg_constraint
    where conrelid = 'public.track_archiving_jobs'::regclass and contype = 'f'`);
  assert.deepEqual(keys, [
    { key: 'FOREIGN KEY (track_id) REFERENCES tracks(id) ON DELETE CASCADE' },
  ]);
});
