import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type AssetKind, buckets } from '../../core/assets.ts';
import type { Query, TestDatabase } from '../support/database.ts';

/** An account of the app. */
export async function newUser(db: TestDatabase): Promise<string> {
  const id = randomUUID();
  await db.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@example.com`]);
  return id;
}

const completed = {
  title: 'Песня',
  prompt: 'a song',
  status: 'completed',
  provider: 'suno',
  audio_url: 'https://cdn1.suno.ai/song.mp3',
  cover_url: 'https://cdn2.suno.ai/cover.jpg',
  video_url: 'https://cdn1.suno.ai/video.mp4',
};

/** A row of tracks with these columns over a completed one with all three assets; resolves to its id. */
export async function newTrack(
  db: TestDatabase,
  userId: string,
  columns: Record<string, unknown> = {},
): Promise<string> {
  const row = { id: randomUUID(), ...completed, user_id: userId, ...columns };
  const names = Object.keys(row);
  const places = names.map((_, index) => `$${index + 1}`);
  await db.query(
    `insert into public.tracks (${names.join(', ')}) values (${places.join(', ')})`,
    Object.values(row),
  );
  return row.id;
}

/** One statement as the service, in a transaction of its own, as PostgREST runs it. */
export const service =
  (db: TestDatabase): Query =>
  (sql, values) =>
    db.as('service_role', {}, (query) => query(sql, values));

export const trackOf = async (db: TestDatabase, id: string) =>
  (await db.query('select * from public.tracks where id = $1', [id]))[0];

/** The latest job of a track. */
export const jobOf = async (db: TestDatabase, trackId: string) =>
  (
    await db.query(
      'select * from public.track_archiving_jobs where track_id = $1 order by created_at desc limit 1',
      [trackId],
    )
  )[0];

export const plan = async (db: TestDatabase, trackId: string) =>
  (await service(db)('select * from public.plan_track_archiving($1)', [trackId]))[0];

export const claim = async (db: TestDatabase, trackId: string, leaseSeconds = 930) =>
  (
    await service(db)('select * from public.claim_track_archiving($1, $2, $3)', [
      trackId,
      leaseSeconds,
      'worker',
    ])
  )[0];

interface Claim {
  job_id: string;
  fencing_token: string;
}

/** What a worker may do with its claim; each resolves to the function's answer. */
export function worker(db: TestDatabase, { job_id, fencing_token }: Claim) {
  const call = async (name: string, ...values: unknown[]) => {
    const places = [job_id, fencing_token, ...values].map((_, index) => `$${index + 1}`);
    const [row] = await service(db)(`select public.${name}(${places.join(', ')}) as answer`, [
      job_id,
      fencing_token,
      ...values,
    ]);
    return row?.answer;
  };
  return {
    /** Records an asset; Storage has it beforehand, where `url` is an address of its. */
    store: async (
      asset: string,
      url: string | null,
      details: { bytes?: number; [name: string]: unknown } = { bytes: 3, sha256: 'ab' },
    ) => {
      if (url !== null) await putObject(db, url, details.bytes);
      return call('store_track_asset', asset, url, JSON.stringify(details));
    },
    record: (asset: string, url: string | null, details: object) =>
      call('store_track_asset', asset, url, JSON.stringify(details)),
    complete: () => call('complete_track_archiving'),
    fail: (code = 'provider_gone', message = '404') => call('fail_track_archiving', code, message),
    release: () => call('release_track_archiving', 'provider_unavailable', '503'),
  };
}

export const storageUrl = (asset: AssetKind, name = 'file') =>
  `https://project.supabase.co/storage/v1/object/public/${buckets[asset].id}/user/${name}`;

/** Puts an object of so many bytes into Storage's catalogue, as an upload to its public address does; nothing for other addresses. */
export async function putObject(db: TestDatabase, url: string, bytes = 3): Promise<void> {
  const [, bucket, name] = /\/object\/public\/([^/]+)\/(.+)$/.exec(url) ?? [];
  if (name === undefined) return;
  await db.query(
    `with replaced as (
       update storage.objects set metadata = $3 where bucket_id = $1 and name = $2 returning id)
     insert into storage.objects (bucket_id, name, metadata)
     select $1, $2, $3 where not exists (select from replaced)`,
    [bucket, name, { size: bytes }],
  );
}

/** Moves the archiver's clock; `interval` is added to the real time. */
export const moveClock = (db: TestDatabase, interval: string) =>
  db.query(`create or replace function archiver.clock() returns timestamptz
    language sql stable set search_path = pg_catalog, pg_temp as $$ select date_trunc('milliseconds', now()) + interval '${interval}' $$`);

/** The SQLSTATE that `run` fails with, or undefined. */
export async function sqlstate(run: Promise<unknown>): Promise<string | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no SQLSTATE';
  }
}

/** Runs `use` on one connection as `postgres`, which is closed after it, whatever state it is in. */
export async function onConnection<Result>(
  db: TestDatabase,
  use: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await db.pool.connect();
  try {
    return await use(client);
  } finally {
    client.release(true);
  }
}
