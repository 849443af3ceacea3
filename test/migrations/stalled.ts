import { type TestDatabase, testDatabase } from '../support/database.ts';
import { newUser, onConnection, plan, service } from './app.ts';

export const hour = 3_600_000;
export const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour);
/** Made so long ago that it is due since an hour. */
export const due = { created_at: hoursAgo(13 * 24 + 1) };
export const expired = { created_at: hoursAgo(15 * 24 + 1) };

interface Page {
  limit?: number;
  room?: number;
  window?: number;
}

const take =
  'select track_id, action, cause from take_stalled_tracks($1, $2, _max_crashes => 5, _window => $3)';
const parameters = ({ limit = 100, room = 1000, window = 20_000 }: Page) => [limit, room, window];
type Rows = { track_id: string; action: string; cause: string }[];
const listed = (rows: Rows) => rows.map((row) => [row.track_id, row.action, row.cause]);

/** What a sweep takes: it has a quarter of an hour to act on it. */
export const takeStalled = async (db: TestDatabase, page: Page = {}) =>
  listed((await service(db)(take, parameters(page))) as Rows);

/** What a sweep would take, and does not. */
export const stalled = (db: TestDatabase, page: Page = {}) =>
  onConnection(db, async (client) => {
    await client.query('begin');
    await client.query('set local role service_role');
    const { rows } = await client.query(take, parameters(page));
    await client.query('rollback');
    return listed(rows);
  });

export const openMissing = async (db: TestDatabase, limit = 100): Promise<number> =>
  (await service(db)('select open_missing_jobs($1) as it', [limit]))[0].it;

/** What the sweep says of a track for which nothing is left to try. */
export const close = async (db: TestDatabase, trackId: string, code = 'expired') =>
  (await service(db)("select close_track_archiving($1, $2, 'Over') as it", [trackId, code]))[0]
    .it as boolean;

/** Plans a track and confirms it; `retry` as the sweep does it. */
export async function confirm(
  db: TestDatabase,
  trackId: string,
  route: 'schedule' | 'queue',
  retry = false,
) {
  const planned = retry
    ? (await service(db)('select * from plan_track_archiving($1, true)', [trackId]))[0]
    : await plan(db, trackId);
  await service(db)('select confirm_track_schedule($1, $2, $3)', [
    planned.job_id,
    planned.due_at,
    route,
  ]);
}

export const fail = async (
  db: TestDatabase,
  { job_id, fencing_token }: { job_id: string; fencing_token: string },
  code: string,
  mayRetry: boolean,
) =>
  (
    await service(db)("select fail_track_archiving($1, $2, $3, '404', $4) as it", [
      ...[job_id, fencing_token, code, mayRetry],
    ])
  )[0].it as boolean;

export const notifications = (db: TestDatabase) =>
  db.query('select type from notifications order by created_at');

export async function world(t: Parameters<typeof testDatabase>[0]) {
  const db = await testDatabase(t);
  return { db, user: await newUser(db) };
}
