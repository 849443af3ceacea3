import { type TestDatabase, testDatabase } from '../support/database.ts';
import { newUser, plan, service } from './app.ts';

export const epoch = '2000-01-01Z';
export const hour = 3_600_000;
export const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour);
/** Made so long ago that it is due since an hour. */
export const due = { created_at: hoursAgo(13 * 24 + 1) };
export const expired = { created_at: hoursAgo(15 * 24 + 1) };

interface Since {
  schedulesSince?: string;
  messagesSince?: string;
}

export async function lost(
  db: TestDatabase,
  of: 'in time' | 'expired' = 'in time',
  since: Since = {},
) {
  const rows = await service(db)(
    `select * from get_lost_tracks(_expired => $1, _schedules_since => $2, _messages_since => $3,
       _schedule_grace_seconds => 1800, _silence_seconds => 5400, _max_attempts => 5,
       _retryable_codes => array['provider_timeout'], _limit => 100)`,
    [of === 'expired', since.schedulesSince ?? epoch, since.messagesSince ?? epoch],
  );
  return rows.map((row) => [row.track_id, row.action, row.cause]);
}

export const unscheduled = async (db: TestDatabase, schedulesSince = epoch) =>
  (
    await service(db)(
      'select * from get_unscheduled_tracks(_schedules_since => $1, _limit => 100)',
      [schedulesSince],
    )
  ).map((row) => [row.track_id, row.cause]);

/** What the sweep says of a track for which nothing is left to try. */
export const close = async (
  db: TestDatabase,
  trackId: string,
  buried = false,
  code = 'expired',
): Promise<string> =>
  (
    await service(db)("select close_track_archiving($1, $2, 'Over', $3) as it", [
      ...[trackId, code, buried],
    ])
  )[0].it;

/** Confirms what `plan_track_archiving` planned. */
export async function confirm(db: TestDatabase, trackId: string, route: 'schedule' | 'queue') {
  const planned = await plan(db, trackId);
  await service(db)('select confirm_track_schedule($1, $2, $3)', [
    planned.job_id,
    planned.due_at,
    route,
  ]);
}

/** As if the archiver had been there before the tracks. */
export const installEarlier = (db: TestDatabase) =>
  db.query("update track_archiving_settings set installed_at = '2020-01-01Z'");

export async function world(t: Parameters<typeof testDatabase>[0]) {
  const db = await testDatabase(t);
  await installEarlier(db);
  return { db, user: await newUser(db) };
}
