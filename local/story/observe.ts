import type { Pool } from 'pg';

/** Where a track stands, as the database has it. */
export interface TrackState {
  id: string;
  title: string;
  provider: string | null;
  state:
    | 'in the making'
    | 'completed'
    | 'scheduled'
    | 'queued'
    | 'copying'
    | 'archived'
    | 'failed'
    | 'deleted';
  dueAt: Date | null;
  archivedAt: Date | null;
  /** Of the stored assets. */
  bytes: number;
  errorCode: string | null;
  errorMessage: string | null;
}

const query = `
  select t.id, t.title, t.provider, t.archive_scheduled_at as "dueAt", t.archived_at as "archivedAt",
         j.error_code as "errorCode", j.error_message as "errorMessage",
         case when t.archived_to_storage then 'archived'
              when j.status = 'failed' then 'failed'
              when j.status = 'processing' then 'copying'
              when j.queued_at is not null then 'queued'
              when j.scheduled_for is not null then 'scheduled'
              when t.status = 'completed' then 'completed'
              else 'in the making' end as state,
         coalesce((select sum((asset.value->>'bytes')::bigint)
                   from jsonb_each(j.metadata->'assets') as asset), 0)::int as bytes
  from public.tracks t
  left join lateral (
    select * from public.track_archiving_jobs jobs
    where jobs.track_id = t.id order by jobs.created_at desc limit 1
  ) j on true
  where t.id = any($1)`;

/** The states of `tracks` in their order; one that has left the table is `deleted`. */
export async function observe(
  database: Pool,
  tracks: { id: string; title: string; provider: string | null }[],
): Promise<TrackState[]> {
  const { rows } = await database.query<TrackState>(query, [tracks.map(({ id }) => id)]);
  return tracks.map(({ id, title, provider }) => {
    const nothing = {
      dueAt: null,
      archivedAt: null,
      bytes: 0,
      errorCode: null,
      errorMessage: null,
    };
    return (
      rows.find((row) => row.id === id) ?? { id, title, provider, state: 'deleted', ...nothing }
    );
  });
}
