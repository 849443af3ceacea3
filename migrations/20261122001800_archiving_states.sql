-- Why: an operator who looks at a queue sees track ids; here is what the database knows of each: title,
--   deadline, archived or not, and how its latest job stands.
-- Lock: none.
-- Again: the function is replaced.
set local lock_timeout = '3s';

-- One row for each id asked for, once; only found and checked_at of a track that does not exist.
create or replace function public.get_archiving_states(_track_ids uuid[])
returns table (track_id uuid, found boolean, title text, status text, archived_to_storage boolean,
  archived_at timestamptz, expires_at timestamptz,
  job_status text, error_code text, error_message text, job_updated_at timestamptz, checked_at timestamptz)
language sql stable set search_path = ''
as $$
  select asked.id, t.id is not null, t.title, t.status::text, t.archived_to_storage is true,
    t.archived_at, timing.expires_at,
    latest.status, latest.error_code, latest.error_message, latest.updated_at, archiver.clock()
  from (select distinct unnest(_track_ids) as id) as asked
  left join public.tracks as t on t.id = asked.id
  left join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    on t.id is not null
  left join lateral (
    select j.status, j.error_code, j.error_message, j.updated_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
$$;

revoke all on function public.get_archiving_states(uuid[]) from public, anon, authenticated;
grant execute on function public.get_archiving_states(uuid[]) to service_role;
