import type { Column } from '../../adapters/database/app-shape.ts';
import type { Policy } from '../../adapters/database/policies.ts';
import type { Reader } from '../../adapters/database/reader.ts';
import type { Sample } from '../../adapters/database/sample.ts';

/** Tracks of one status and provider, counted, or estimated from a sample. */
export interface TrackGroup {
  status: string | null;
  provider: string | null;
  tracks: number;
  withoutOwner: number;
  archived: number;
  withSong: number;
  /** Of the last thirty days. */
  recent: number;
  /** Not archived, with a song, by the policy of the provider: past the date of archiving, and still there. */
  due: number;
  /** Of the due ones, those with a day left or less. */
  urgent: number;
  expired: number;
}

/** The column as it is, cast, or null where the app has none. */
export const column = (columns: Column[], name: string, type: string): string =>
  columns.some((each) => each.name === name) ? `t.${name}::${type}` : `null::${type}`;

export async function readTrackGroups(
  read: Reader,
  columns: Column[],
  policies: Policy[],
  { clause, share }: Sample,
): Promise<TrackGroup[]> {
  const of = (name: string, type: string) => column(columns, name, type);
  const moment = `case when isfinite(${of('created_at', 'timestamptz')}) then ${of('created_at', 'timestamptz')} end`;
  const waits = `not archived and song`;
  const rows = await read<TrackGroup>(
    `with policy as (
       select * from jsonb_to_recordset($1) as p (provider text, retention float8, "archiveAfter" float8)
     ), track as (
       select left(${of('status', 'text')}, 100) as status, left(${of('provider', 'text')}, 100) as provider,
         ${of('user_id', 'text')} is null as ownerless,
         coalesce(${of('archived_to_storage', 'text')}, '') = 'true' as archived,
         btrim(coalesce(${of('audio_url', 'text')}, '')) <> '' as song,
         least(${moment}, now()) as made
       from public.tracks as t${clause}
     )
     select status, t.provider, count(*)::float8 as tracks,
       count(*) filter (where ownerless)::float8 as "withoutOwner",
       count(*) filter (where archived)::float8 as archived,
       count(*) filter (where song)::float8 as "withSong",
       count(*) filter (where made > now() - interval '30 days')::float8 as recent,
       count(*) filter (where ${waits} and age >= due and age < life)::float8 as due,
       count(*) filter (where ${waits} and age >= greatest(due, life - 86400) and age < life)::float8 as urgent,
       count(*) filter (where ${waits} and age >= life)::float8 as expired
     from track as t
     left join policy as own on own.provider = lower(btrim(t.provider))
     left join policy as others on others.provider = '*'
     cross join lateral (select extract(epoch from now() - made) as age,
       coalesce(own.retention, others.retention) as life, coalesce(own."archiveAfter", others."archiveAfter") as due) as timing
     group by 1, 2 order by 3 desc limit 1000`,
    [JSON.stringify(policies)],
    20,
  );
  return rows.map((row) => scaled(row, share));
}

/** Numbers of a sample, as of the whole table. */
export function scaled<Row extends object>(row: Row, share: number): Row {
  if (share === 1) return row;
  const entries = Object.entries(row).map(([key, value]) => [
    key,
    typeof value === 'number' ? Math.round(value / share) : value,
  ]);
  return Object.fromEntries(entries) as Row;
}
