-- Why: what an operator asks: the spec's worklist, statistics and manual marking, the levels for alarms, and how a
--   track stands; for the service alone.
-- Lock: public.tracks share, where the index is built here, which is only in a table under 64 MB (writes wait
--   well under a second, reads do not). A larger one is left to `create index concurrently`.
-- Again: functions and the view are replaced.
set local lock_timeout = '3s';

do $$
begin
  if to_regclass('public.tracks_archiving_worklist') is not null then
    null;
  elsif pg_relation_size('public.tracks') < 64 * 1024 * 1024 then
    create index tracks_archiving_worklist on public.tracks (archive_scheduled_at)
      where status = 'completed' and archived_to_storage is not true;
  else
    raise notice 'public.tracks is large; when convenient, run: create index concurrently if not exists tracks_archiving_worklist on public.tracks (archive_scheduled_at) where status = ''completed'' and archived_to_storage is not true;';
  end if;
end
$$;

-- Due, not archived, in nobody's hands and not given up; the most urgent first, the expired last.
create or replace function public.get_tracks_needing_archiving(_limit integer default 50)
returns table (track_id uuid, user_id uuid, title text, provider text,
  audio_url text, cover_url text, video_url text, created_at timestamptz,
  archive_scheduled_at timestamptz, expires_at timestamptz, days_until_expiry numeric)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select t.id, t.user_id, t.title, t.provider::text, t.audio_url, t.cover_url, t.video_url, t.created_at,
    coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at,
    round(extract(epoch from timing.expires_at - (select archiver.clock())) / 86400, 6)
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  left join lateral (
    select j as job, j.status, j.error_code, j.lease_expires_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and coalesce(t.archive_scheduled_at, timing.due_at) <= (select archiver.clock())
    and case latest.status
      when 'processing' then latest.lease_expires_at <= (select archiver.clock())
      when 'failed' then latest.error_code = 'replaced_system'
        or archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url)
      else true
    end
  order by timing.expires_at <= (select archiver.clock()), timing.expires_at, t.id
  limit greatest(_limit, 0)
$$;

-- For files that a person uploaded. The job says so, and a worker that holds the track loses it.
-- False: there is no such track.
create or replace function public.mark_track_archived(
  _track_id uuid, _storage_audio_url text, _storage_cover_url text default null, _storage_video_url text default null)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
begin
  if coalesce(btrim(_storage_audio_url), '') = '' then
    raise exception 'a track is archived only with its audio' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then
    return false;
  end if;
  update public.tracks
  set archived_to_storage = true,
    archived_at = archiver.clock(),
    storage_audio_url = btrim(_storage_audio_url),
    storage_cover_url = coalesce(nullif(btrim(_storage_cover_url), ''), storage_cover_url),
    storage_video_url = coalesce(nullif(btrim(_storage_video_url), ''), storage_video_url)
  where id = _track_id returning * into _track;

  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if not found then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  end if;
  if _job.status = 'pending' then
    update public.track_archiving_jobs
    set status = 'processing', fencing_token = nextval('archiver.fencing_tokens'),
      lease_expires_at = archiver.clock(), started_at = archiver.clock()
    where id = _job.id;
  end if;
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null,
    claimed_by = 'mark_track_archived', error_code = null, error_message = null,
    storage_audio_url = _track.storage_audio_url,
    storage_cover_url = _track.storage_cover_url,
    storage_video_url = _track.storage_video_url,
    metadata = (metadata - 'assets') || '{"manual": true}',
    updated_at = archiver.clock()
  where id = _job.id;
  return true;
end
$$;

-- A track that can be archived is archived, pending or expired; urgent ones are those of the pending that
-- have less than two days. The percentage is of all three; of nothing it is 100.
create or replace view public.archive_statistics with (security_invoker = true) as
select
  counted.total_archived,
  counted.pending_archive,
  counted.urgent_archive_needed,
  counted.expired_tracks,
  case when counted.everything = 0 then 100
    else round(100.0 * counted.total_archived / counted.everything, 1) end as archive_percentage
from (
  select
    count(*) filter (where t.archived_to_storage) as total_archived,
    count(*) filter (where timing.left_over > interval '0') as pending_archive,
    count(*) filter (where timing.left_over > interval '0' and timing.left_over < interval '2 days')
      as urgent_archive_needed,
    count(*) filter (where timing.left_over <= interval '0') as expired_tracks,
    count(*) as everything
  from public.tracks as t
  left join lateral (
    select a.expires_at - (select archiver.clock()) as left_over
    from archiver.track_timing(t.provider::text, t.created_at, t.metadata) as a
    where t.archived_to_storage is not true
  ) as timing on true
  where t.archived_to_storage or t.status = 'completed'
) as counted;

-- Levels for alarms. overdue: should be archived by now and may still be, with an hour's grace, or a quarter
-- of the time until the expiry. near_expiry: overdue or failed, and expires within two days.
create or replace function public.get_archiving_backlog()
returns table (overdue bigint, near_expiry bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select
    count(*) filter (where latest.status is distinct from 'failed'),
    count(*) filter (where timing.expires_at - (select archiver.clock()) < interval '2 days')
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as due_at) as due
  left join lateral (
    select j.status from public.track_archiving_jobs as j
    where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and timing.expires_at > (select archiver.clock())
    and due.due_at + least(interval '1 hour', (timing.expires_at - due.due_at) / 4) <= (select archiver.clock())
$$;

-- One row for each id asked for, once; only found and checked_at of a track that does not exist.
create or replace function public.get_archiving_states(_track_ids uuid[])
returns table (track_id uuid, found boolean, title text, status text, archived_to_storage boolean,
  archived_at timestamptz, expires_at timestamptz,
  job_status text, error_code text, error_message text, job_updated_at timestamptz, checked_at timestamptz)
language sql stable set search_path = pg_catalog, pg_temp
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

revoke all on public.archive_statistics from public, anon, authenticated;
revoke all on function public.get_tracks_needing_archiving(integer) from public, anon, authenticated;
revoke all on function public.mark_track_archived(uuid, text, text, text) from public, anon, authenticated;
revoke all on function public.get_archiving_backlog() from public, anon, authenticated;
revoke all on function public.get_archiving_states(uuid[]) from public, anon, authenticated;
grant select on public.archive_statistics to service_role;
grant execute on function public.get_tracks_needing_archiving(integer) to service_role;
grant execute on function public.mark_track_archived(uuid, text, text, text) to service_role;
grant execute on function public.get_archiving_backlog() to service_role;
grant execute on function public.get_archiving_states(uuid[]) to service_role;
