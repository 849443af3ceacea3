-- Why: the enqueue endpoint asks what is to be done with a track, does it at AWS, and says so here.
--   The webhook only names the track; what counts is the row as it is now.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- Does the job name other sources than the track? A body of this form is inlined where it is asked of many rows.
create or replace function archiver.is_superseded(
  _job public.track_archiving_jobs, _audio_url text, _cover_url text, _video_url text)
returns boolean
language sql immutable
return (_job.original_audio_url, _job.original_cover_url, _job.original_video_url)
  is distinct from (nullif(btrim(_audio_url), ''), nullif(btrim(_cover_url), ''), nullif(btrim(_video_url), ''));

-- schedule: make sure that something comes at due_at. cancel: remove what was scheduled. ignore: leave all as it is.
-- _retry: plan a track that failed for good, too.
create or replace function public.plan_track_archiving(_track_id uuid, _retry boolean default false)
returns table (action text, reason text, job_id uuid, due_at timestamptz, expires_at timestamptz,
  scheduled_for timestamptz, dispatched_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _latest public.track_archiving_jobs;
  _due_at timestamptz;
begin
  action := 'cancel';
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then
    reason := 'track_not_found';
    return next;
    return;
  end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;

  if _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then
    action := 'ignore';
    reason := 'in_progress';
    job_id := _job.id;
    return next;
    return;
  end if;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true then
    reason := case when _track.archived_to_storage is true then 'already_archived' else 'not_completed' end;
    delete from public.track_archiving_jobs as j where j.id = _job.id and j.status = 'pending';
    return next;
    return;
  end if;
  if _job.id is null then
    select * into _latest from public.track_archiving_jobs as j
    where j.track_id = _track_id order by j.created_at desc limit 1;
    -- Failed for good, and nothing has changed since: only a person or the sweep retries it.
    if not _retry and _latest.status = 'failed' and _latest.error_code <> 'replaced_system'
      and not archiver.is_superseded(_latest, _track.audio_url, _track.cover_url, _track.video_url)
    then
      action := 'ignore';
      reason := 'failed';
      return next;
      return;
    end if;
  end if;

  select timing.due_at, timing.expires_at into _due_at, expires_at
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _track.archive_scheduled_at is null then
    update public.tracks as t set archive_scheduled_at = _due_at where t.id = _track_id;
    _track.archive_scheduled_at := _due_at;
  end if;

  -- Touching a pending job makes it follow the track's sources; a dead worker's job becomes pending again.
  if _job.id is null then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  else
    update public.track_archiving_jobs as j
    set status = 'pending', lease_expires_at = null, claimed_by = null,
      workers_lost = j.workers_lost + (j.status = 'processing')::integer
    where j.id = _job.id returning * into _job;
  end if;

  action := 'schedule';
  job_id := _job.id;
  due_at := _track.archive_scheduled_at;
  scheduled_for := _job.scheduled_for;
  dispatched_at := _job.dispatched_at;
  return next;
end
$$;

-- False: what was planned is no longer so; plan again. Callers' clocks count in milliseconds.
create or replace function public.confirm_track_schedule(_job_id uuid, _due_at timestamptz, _route text)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
begin
  if _route is null or _route not in ('schedule', 'queue') then
    raise exception 'the route is either schedule or queue' using errcode = 'invalid_parameter_value';
  end if;
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true
    or _track.archive_scheduled_at is null
    or abs(extract(epoch from _track.archive_scheduled_at - _due_at)) >= 0.001
  then
    return false;
  end if;
  update public.track_archiving_jobs
  set scheduled_for = case _route when 'schedule' then _due_at else scheduled_for end,
    scheduled_at = case _route when 'schedule' then archiver.clock() else scheduled_at end,
    dispatched_at = case _route when 'queue' then archiver.clock() else dispatched_at end
  where id = _job_id and status = 'pending';
  return found;
end
$$;

revoke all on function archiver.is_superseded(public.track_archiving_jobs, text, text, text)
  from public, anon, authenticated;
revoke all on function public.plan_track_archiving(uuid, boolean) from public, anon, authenticated;
revoke all on function public.confirm_track_schedule(uuid, timestamptz, text) from public, anon, authenticated;
grant execute on function archiver.is_superseded(public.track_archiving_jobs, text, text, text) to service_role;
grant execute on function public.plan_track_archiving(uuid, boolean) to service_role;
grant execute on function public.confirm_track_schedule(uuid, timestamptz, text) to service_role;
