import type { Database } from './connection.ts';
import type { Reader } from './reader.ts';

export interface TriggerState {
  name: string;
  state: 'enabled' | 'disabled' | 'missing';
}

const triggers = [
  'track_archiving_100_guard_insert',
  'track_archiving_100_guard_update',
  'track_archiving_500_schedule_insert',
  'track_archiving_500_schedule_update',
  'track_archiving_700_touch_insert',
  'track_archiving_700_touch_update',
  'track_archiving_700_touch_delete',
  'track_archiving_900_follow_insert',
  'track_archiving_900_follow_update',
  'track_archiving_900_follow_delete',
];

/** The product's triggers on `public.tracks`; one that fires on replicas only counts as disabled. */
export async function readTriggers(database: Database): Promise<TriggerState[]> {
  const { rows } = await database.query<TriggerState>(
    `select wanted.name, case when t.oid is null then 'missing'
       when t.tgenabled in ('O', 'A') then 'enabled' else 'disabled' end as state
     from unnest($1::text[]) as wanted (name)
     left join pg_catalog.pg_trigger as t
       on t.tgrelid = to_regclass('public.tracks') and t.tgname = wanted.name`,
    [triggers],
  );
  return rows;
}

export interface Bucket {
  id: string;
  isPublic: boolean;
  /** Bytes; null where there is none. */
  limit: number | null;
  /** Content types that it takes, some with a `*` after the slash; null where it takes all. */
  mimes: string[] | null;
}

export const readBuckets = (read: Reader): Promise<Bucket[]> =>
  read<Bucket>(
    `select id, public as "isPublic", file_size_limit::float8 as "limit", allowed_mime_types as "mimes"
     from storage.buckets`,
  );

/** The database's own clock, and the archiver's, which the local stack may move. */
export async function readClocks(database: Database): Promise<{ own: Date; archiver: Date }> {
  const { rows } = await database.query<{ own: Date; archiver: Date }>(
    'select clock_timestamp() as own, archiver.clock() as archiver',
  );
  const [clocks] = rows;
  if (clocks === undefined) throw new Error('The database returned no time');
  return clocks;
}

/** Days of the default policy; undefined where there is none. */
export async function readDefaultPolicy(
  database: Database,
): Promise<{ retention: number; archiveAfter: number } | undefined> {
  const { rows } = await database.query<{ retention: number; archiveAfter: number }>(
    `select extract(epoch from retention)::float8 / 86400 as retention,
       extract(epoch from archive_after)::float8 / 86400 as "archiveAfter"
     from public.track_archiving_policies where provider = '*'`,
  );
  return rows[0];
}

/** Why the app's table of notifications refuses what owners are told; undefined where it does not. Writes nothing. */
export async function checkNotifications(database: Database): Promise<string | undefined> {
  const { rows } = await database.query<{ problem: string | null }>(
    'select public.check_track_notifications() as problem',
  );
  return rows[0]?.problem ?? undefined;
}
