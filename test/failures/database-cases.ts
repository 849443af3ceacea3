import assert from 'node:assert/strict';
import pg from 'pg';
import { readJob, readTrack } from '../lambdas/tracks.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { until } from '../support/until.ts';
import type { PlayedCase, StorageFault } from './case.ts';
import { deliverCases, redeliver } from './deliver-cases.ts';
import { type Ground, startGround } from './ground.ts';
import { assertArchived, assertFailed, audioRequests, storedKinds } from './outcome.ts';

/** A session of the superuser, beside all limits. */
async function superuser(t: Cleanup, { database }: Ground): Promise<pg.Client> {
  const client = new pg.Client(database.adminUrl);
  await client.connect();
  t.onTestFinished(() => client.end());
  return client;
}

/** What a restart of Postgres is to its clients: every session of Supabase's services ends. */
const endSessions = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and usename in ('authenticator', 'supabase_storage_admin')`;

/** Lets in nobody but the superuser, or as many as there are. */
const limitConnections = ({ database }: Ground, most: number) =>
  `alter database ${database.name} connection limit ${most}`;

/** Runs `act` once, while the first upload of a track is under way. */
const duringUpload =
  (act: (ground: Ground, trackId: string) => Promise<unknown>): StorageFault =>
  async ({ isUpload, count, ground, track }) => {
    if (isUpload && count === 1) await act(ground, track.id);
    return false;
  };

const loggedCodes = ({ lines }: Ground): unknown[] =>
  lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line).code] : []));

/** PostgreSQL and the REST API before it. */
export const databaseCases = [
  {
    what: 'the row of the track is locked by somebody',
    async play(t) {
      const ground = await startGround(t);
      const admin = await superuser(t, ground);
      await admin.query(
        `alter role authenticator in database ${ground.database.name} set lock_timeout = '300ms'`,
      );
      const lock = (_: Ground, id: string) =>
        admin
          .query('begin')
          .then(() => admin.query('select from tracks where id = $1 for update', [id]));
      const scene = {
        what: '',
        storage: duringUpload(lock),
        requests: 1,
        stored: ['audio' as const],
      };
      const [staged] = await deliverCases(ground, [scene]);
      await assertFailed(ground, staged, 'database_unavailable', scene);
      assert.match((await readJob(ground, staged.id)).error_message, /55P03/);
      await admin.query('rollback');
      await redeliver(ground, staged);
      await assertArchived(ground, staged, scene);
    },
  },
  {
    what: 'Postgres has no connection left',
    async play(t) {
      const ground = await startGround(t);
      const admin = await superuser(t, ground);
      await admin.query(limitConnections(ground, 0));
      const [staged] = await deliverCases(ground, [{ what: '' }]);
      assert.equal(await readJob(ground, staged.id), undefined);
      assert.ok(loggedCodes(ground).includes('database_unavailable'));
      assert.equal(audioRequests(ground, staged), 0);
      assert.deepEqual(ground.deadLetters(staged.id), []);
      await admin.query(limitConnections(ground, -1));
      const delay = (ground.message(staged.id)?.visibleAt ?? 0) - ground.clock.now();
      assert.ok(delay > 50_000 && delay <= 60_000, String(delay));
      await redeliver(ground, staged);
      await assertArchived(ground, staged, { what: '' });
    },
  },
  {
    what: 'Postgres goes away in the middle and stays away',
    async play(t) {
      const ground = await startGround(t);
      const admin = await superuser(t, ground);
      const leave = async () => {
        await admin.query(limitConnections(ground, 0));
        await admin.query(endSessions);
      };
      const [staged] = await deliverCases(ground, [{ what: '', storage: duringUpload(leave) }]);
      // Nobody could be told: the job is as it was claimed, and the message waits for its lease to end.
      assert.equal((await readJob(ground, staged.id)).status, 'processing');
      assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
      const delay = (ground.message(staged.id)?.visibleAt ?? 0) - ground.clock.now();
      assert.ok(delay > 940_000 && delay <= 960_000, String(delay));
      assert.deepEqual(await storedKinds(ground, staged), []);
      assert.equal(audioRequests(ground, staged), 3);
      await admin.query(limitConnections(ground, -1));
      await redeliver(ground, staged);
      await assertArchived(ground, staged, { what: '', requests: 4 });
    },
  },
  {
    what: 'Postgres restarts in the middle',
    async play(t) {
      const ground = await startGround(t);
      const admin = await superuser(t, ground);
      const scene = { what: '', storage: duringUpload(() => admin.query(endSessions)) };
      const [staged] = await deliverCases(ground, [scene]);
      await assertArchived(ground, staged, { what: '' });
    },
  },
  {
    what: 'the completion meets a deadlock',
    async play(t) {
      const ground = await startGround(t);
      const admin = await superuser(t, ground);
      // Of the two, the worker is to be the one that Postgres ends: it looks first, and not before both wait.
      await admin.query("set deadlock_timeout = '10s'");
      await admin.query(
        `alter role authenticator in database ${ground.database.name} set deadlock_timeout = '2s'`,
      );
      let met: Promise<unknown> | undefined;
      ground.supabase.intercept = async ({ url }) => {
        if (met !== undefined || !url?.endsWith('/rpc/complete_track_archiving')) return false;
        await admin.query('begin');
        await admin.query('select from track_archiving_jobs for update');
        // Not pg_stat_activity: what a transaction sees of it does not change.
        const blocked =
          'select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))';
        met = until(async () => (await admin.query(blocked)).rowCount).then(async () => {
          await admin.query('select from tracks for update');
          await admin.query('commit');
        });
        return false;
      };
      const [staged] = await deliverCases(ground, [{ what: '' }]);
      await met;
      assert.ok(ground.lines.some((line) => line.includes('40P01')));
      await assertArchived(ground, staged, { what: '' });
    },
  },
] as const satisfies readonly PlayedCase[];
