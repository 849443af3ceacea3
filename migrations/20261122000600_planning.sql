-- Why: what is to be done with a track, and that it was done: the enqueue endpoint and the sweep ask plan and say confirm. And an owner's
--   request for a track of their own.
-- Lock: public.track_archiving_jobs share row exclusive, milliseconds: catalogue only. The order of rows everywhere: the row of
--   tracks first, then its job, then its files.
-- Again: functions and triggers are replaced.
set local lock_timeout = '500ms';

-- When a schedule that did not bring its track is looked at: past its window, which is a quarter of the time until the expiry
-- at most, and past the Scheduler's own delay.
create or replace function archiver.check_after_schedule(_due_at timestamptz, _expires_at timestamptz) returns timestamptz
language sql immutable
return _due_at + greatest(interval '5 minutes', least(interval '30 minutes', (_expires_at - _due_at) / 4 + interval '5 minutes'));

-- When a message that nobody claimed is looked at: the queue's visibility timeout, or a quarter of the time that is left.
create or replace function archiver.check_after_message(_expires_at timestamptz) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
  select now.at + least(interval '90 minutes', greatest(interval '5 minutes', (_expires_at - now.at) / 4))
  from (select archiver.clock() as at) as now
$$;

-- The open job of a track, or else its newest. To be called with the row of tracks locked.
create or replace function archiver.lock_latest_job(_track_id uuid) returns public.track_archiving_jobs
language sql set search_path = pg_catalog, pg_temp as $$
  select j.* from public.track_archiving_jobs as j where j.track_id = _track_id
  order by j.status in ('pending', 'processing') desc, j.created_at desc, j.is_latest desc
  limit 1 for update
$$;

-- The one way to open jobs: pending, to be planned within five minutes. Planned once: for another plan at each call, which is
-- what PostgreSQL chooses for an array, the app's statement would wait four times as long.
create or replace function archiver.open_jobs(_track_ids uuid[]) returns setof public.track_archiving_jobs
language plpgsql set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  if cardinality(_track_ids) is null or cardinality(_track_ids) = 0 then return; end if;
  return query insert into public.track_archiving_jobs
    (track_id, user_id, renews, due_at, expires_at, created_at, updated_at, next_check_at)
  select t.id, coalesce(t.user_id, '00000000-0000-0000-0000-000000000000'), coalesce(t.archived_to_storage, false),
    coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at,
    archiver.clock(), archiver.clock(), archiver.clock() + interval '5 minutes'
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  where t.id = any (_track_ids)
  order by t.id on conflict (track_id) where status in ('pending', 'processing') do nothing returning *;
end $$;

-- A track without an owner has no folder: its job fails, until it has one.
create or replace function archiver.fail_without_owner(_track_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from public.track_archiving_jobs as j
    where j.track_id = _track_id and j.is_latest and j.error_code = 'owner_missing') then
    perform from archiver.open_jobs(array[_track_id]);
  end if;
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null, next_check_at = null, error_code = 'owner_missing',
    error_message = 'The track has no user_id.', updated_at = archiver.clock()
  where j.track_id = _track_id and j.status in ('pending', 'processing');
end $$;

-- schedule: make sure that something comes at due_at. cancel: remove what was scheduled. ignore: leave all as it is. _retry:
-- plan a track that failed, too.
create or replace function public.plan_track_archiving(_track_id uuid, _retry boolean default false)
returns table (action text, reason text, job_id uuid, due_at timestamptz, expires_at timestamptz,
  scheduled_for timestamptz, queued_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare _track public.tracks; _job public.track_archiving_jobs; _is_open boolean; _due_at timestamptz;
  _expires_at timestamptz;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  _is_open := coalesce(_job.status in ('pending', 'processing'), false);
  reason := case
    when _track.id is null then 'track_not_found'
    when _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then 'in_progress'
    when _track.status is distinct from 'completed' then 'not_completed'
    when _track.archived_to_storage is true and not archiver.is_renewal(_job) then 'already_archived'
    when _track.user_id is null then 'owner_missing'
    -- Only a person or the sweep retries it.
    when not _retry and archiver.has_failed(_job, _track) then 'failed'
  end;
  if reason is not null then
    action := case when reason in ('in_progress', 'failed', 'owner_missing') then 'ignore' else 'cancel' end;
    if _is_open then
      job_id := _job.id;
    end if;
    if action = 'cancel' then
      -- Whoever had it crashed.
      delete from public.track_archiving_jobs as j where j.id = _job.id and _is_open;
      update public.track_archiving_jobs as j set next_check_at = null where j.id = _job.id and j.next_check_at is not null;
    elsif reason = 'owner_missing' then
      perform archiver.fail_without_owner(_track_id);
    end if;
    return next;
    return;
  end if;
  select coalesce(_track.archive_scheduled_at, timing.due_at), timing.expires_at into _due_at, _expires_at
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _track.archive_scheduled_at is null then
    update public.tracks as t set archive_scheduled_at = _due_at where t.id = _track_id;
  end if;
  if _is_open then
    -- A crashed worker's job becomes pending again. What was arranged for another date is not waited for.
    update public.track_archiving_jobs as j
    set status = 'pending', lease_expires_at = null, claimed_by = null,
      crash_count = j.crash_count + (j.status = 'processing')::integer,
      due_at = _due_at, expires_at = _expires_at,
      next_check_at = case when j.due_at = _due_at then greatest(j.next_check_at, archiver.clock() + interval '5 minutes')
        else archiver.clock() + interval '5 minutes' end
    where j.id = _job.id returning * into _job;
  else
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  return query select 'schedule', null::text, _job.id, _due_at, _expires_at, _job.scheduled_for, _job.queued_at;
end $$;

-- False: what was planned is no longer so; plan again. Callers' clocks count in milliseconds.
create or replace function public.confirm_track_schedule(_job_id uuid, _due_at timestamptz, _route text)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks;
begin
  if _route is null or _route not in ('schedule', 'queue') then
    raise exception 'the route is either schedule or queue' using errcode = 'invalid_parameter_value';
  end if;
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  if _track.status is distinct from 'completed' or _track.archive_scheduled_at is null
    or abs(extract(epoch from _track.archive_scheduled_at - _due_at)) >= 0.001 then
    return false;
  end if;
  update public.track_archiving_jobs as j
  set scheduled_for = case _route when 'schedule' then _due_at else j.scheduled_for end,
    queued_at = case _route when 'queue' then archiver.clock() else j.queued_at end,
    next_check_at = case _route when 'schedule' then archiver.check_after_schedule(_due_at, j.expires_at)
      else archiver.check_after_message(j.expires_at) end
  where j.id = _job_id and j.status = 'pending' and (j.renews or _track.archived_to_storage is not true);
  return found;
end $$;

-- Whether a user asks or the service plans is told by the role of the statement, so before anything that
-- runs as somebody else. `usage`, not `member`: the authenticator is a member of all, inherits nothing.
create or replace function archiver.mark_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.requested := not (pg_has_role(current_user, 'service_role', 'usage')
    or pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage'));
  return new;
end $$;

-- A request makes the track due at once; the webhook of the due date then brings it on its way. A job that only waits makes
-- room for the requested one. The policy looks at the track as it was when the statement began: a request that waited here
-- while the track was archived is refused by us, with the same error.
create or replace function archiver.accept_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _latest public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t
  where t.id = new.track_id and t.user_id = new.user_id and t.user_id = auth.uid()
    and t.status = 'completed' and t.archived_to_storage is not true
  for no key update;
  if not found or new.status <> 'pending' then
    raise exception 'new row violates row-level security policy for table "track_archiving_jobs"'
      using errcode = 'insufficient_privilege';
  end if;
  select * into _latest from archiver.lock_latest_job(new.track_id);
  if _latest.status = 'processing' then
    raise exception 'this track is being archived' using errcode = 'P0001';
  end if;
  if greatest(_latest.started_at, case when _latest.requested then _latest.created_at end) > archiver.clock() - interval '10 minutes'
    and not archiver.is_superseded(_latest, _track) then
    raise exception 'this track was asked for less than ten minutes ago' using errcode = 'P0001';
  end if;
  if _latest.status = 'pending' then
    select _latest.attempt, _latest.crash_count, _latest.scheduled_for, _latest.started_at,
      _latest.original_audio_url, _latest.original_cover_url, _latest.original_video_url
    into new.attempt, new.crash_count, new.scheduled_for, new.started_at,
      new.original_audio_url, new.original_cover_url, new.original_video_url;
    delete from public.track_archiving_jobs as j where j.id = _latest.id;
  end if;
  update public.tracks set archive_scheduled_at = archiver.clock() where id = new.track_id;
  return new;
end $$;

create or replace trigger track_archiving_100_mark_request before insert on public.track_archiving_jobs
  for each row execute function archiver.mark_request();
create or replace trigger track_archiving_200_accept_request before insert on public.track_archiving_jobs
  for each row when (new.requested) execute function archiver.accept_request();
