-- Why: what a webhook, a schedule, the queue or a worker lost is found again here, by the database alone: it
--   knows when each track is due and when it last showed a sign of life. A policy that becomes shorter reaches
--   tracks that wait already.
-- Lock: none beyond rows.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- Why this track will not be archived unless somebody acts, or null: it is on its way, in a worker's hands,
-- given up, or nobody's concern. A schedule older than its group and a message older than its queue do not
-- exist any more. A sign of life is a message sent or a claim made. Not asked of what was closed as expired.
create or replace function archiver.cause_of_loss(
  _job public.track_archiving_jobs, _superseded boolean, _due_at timestamptz, _expires_at timestamptz,
  _schedules_since timestamptz, _messages_since timestamptz, _schedule_grace interval, _silence interval,
  _max_attempts integer, _retryable_codes text[])
returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when _job.status is null or _job.status = 'completed' then 'unannounced'
    when _job.status = 'failed' then case
      when _job.error_code = 'replaced_system' or _superseded then 'unannounced'
      when _expires_at <= archiver.clock() then 'deadline_passed'
      -- Eight more chances between the due date and the expiry, six hours apart at most. An expiry may be whatever a
      -- user writes: there are no chances without end.
      when _job.error_code = any (_retryable_codes) and _due_at + interval '30 days' > archiver.clock()
        and _job.updated_at + least(interval '6 hours', (_expires_at - _due_at) / 8) <= archiver.clock()
        then 'failed_before'
    end
    when _job.status = 'processing' then case
      when _job.lease_expires_at > archiver.clock() then null
      when _job.workers_lost + 1 >= _max_attempts and not _superseded then 'workers_died'
      else 'lease_expired'
    end
    when greatest(_job.dispatched_at, _job.started_at) is not null and not _superseded then case
      when greatest(_job.dispatched_at, _job.started_at) < _messages_since
        or greatest(_job.dispatched_at, _job.started_at) + _silence <= archiver.clock() then 'message_lost'
    end
    when _job.scheduled_for = _due_at then case
      when coalesce(_job.scheduled_at, '-infinity') < _schedules_since
        or _due_at + _schedule_grace <= archiver.clock() then 'schedule_lost'
    end
    when _job.requested then 'requested'
    else 'unannounced'
  end
$$;

-- Tracks that are due and lost, the most urgent first; those whose deadline has passed are a list of their own.
-- dispatch: onto the queue. schedule: only its date was missing, it is not due yet. close: nothing is left
-- to try, say so. No track is closed as expired before its provider was asked once; what had expired before the
-- archiver was installed is left alone. Continues after the given entry.
create or replace function public.get_lost_tracks(
  _expired boolean, _schedules_since timestamptz, _messages_since timestamptz,
  _schedule_grace_seconds integer, _silence_seconds integer, _max_attempts integer, _retryable_codes text[],
  _limit integer, _after_expires_at timestamptz default null, _after_track_id uuid default null)
returns table (track_id uuid, due_at timestamptz, expires_at timestamptz, action text, cause text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select t.id, due.due_at, timing.expires_at,
    case
      when loss.cause in ('deadline_passed', 'workers_died') then 'close'
      when _expired and loss.cause in ('message_lost', 'lease_expired')
        and latest.started_at is not null and not sources.superseded then 'close'
      when due.due_at > (select archiver.clock()) then 'schedule'
      else 'dispatch'
    end,
    loss.cause
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as due_at) as due
  left join lateral (
    select j as job, j.status, j.error_code, j.started_at, j.expired_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  cross join lateral (
    select archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url) as superseded
  ) as sources
  cross join lateral (
    select case
      -- Most of what stays here for ever; it is not worth the full question.
      when latest.status = 'failed' and latest.expired_at is not null and not sources.superseded then null
      else archiver.cause_of_loss(latest.job, sources.superseded, due.due_at, timing.expires_at,
        _schedules_since, _messages_since, make_interval(secs => _schedule_grace_seconds),
        make_interval(secs => _silence_seconds), _max_attempts, _retryable_codes)
    end as cause
  ) as loss
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and (timing.expires_at <= (select archiver.clock())) = _expired
    and (_after_track_id is null or (timing.expires_at, t.id) > (_after_expires_at, _after_track_id))
    and (timing.expires_at > (select s.installed_at from public.track_archiving_settings as s)
      or coalesce(latest.error_code, 'pending') <> 'replaced_system' and latest.job is distinct from null)
    and loss.cause is not null
  order by timing.expires_at, t.id
  limit greatest(_limit, 0)
$$;

-- Tracks that wait for a later date without a schedule that will fire then; the earliest date first.
create or replace function public.get_unscheduled_tracks(
  _schedules_since timestamptz, _limit integer,
  _after_due_at timestamptz default null, _after_track_id uuid default null)
returns table (track_id uuid, due_at timestamptz, cause text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select t.id, t.archive_scheduled_at,
    case when latest.scheduled_for = t.archive_scheduled_at then 'schedule_lost' else 'unannounced' end
  from public.tracks as t
  left join lateral (
    select j as job, j.status, j.error_code, j.lease_expires_at, j.scheduled_for, j.scheduled_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and t.archive_scheduled_at > greatest((select archiver.clock()), coalesce(_after_due_at, '-infinity') - interval '1 microsecond')
    and (_after_track_id is null or (t.archive_scheduled_at, t.id) > (_after_due_at, _after_track_id))
    and case latest.status
      when 'processing' then latest.lease_expires_at <= (select archiver.clock())
      when 'pending' then latest.scheduled_for is distinct from t.archive_scheduled_at
        or coalesce(latest.scheduled_at, '-infinity') < _schedules_since
      when 'failed' then latest.error_code = 'replaced_system'
        or archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url)
      else true
    end
  order by t.archive_scheduled_at, t.id
  limit greatest(_limit, 0)
$$;

-- Gives so many waiting tracks the earlier date that their policy has now, the most urgent first; answers how many it
-- were. Never a later one. No webhook goes out: the sweep goes on with them at its own pace.
create or replace function public.move_archive_dates_forward(_limit integer) returns integer
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _moved integer;
begin
  perform set_config('archiver.announcements_blocked', 'yes', true);
  with late as (
    select t.id, timing.due_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.status = 'completed' and t.archived_to_storage is not true
      and t.archive_scheduled_at > (select archiver.clock())
      and timing.due_at < t.archive_scheduled_at
    order by timing.expires_at, t.id
    limit greatest(_limit, 0)
    for no key update of t skip locked
  )
  update public.tracks as t set archive_scheduled_at = late.due_at from late where t.id = late.id;
  get diagnostics _moved = row_count;
  return _moved;
end
$$;

do $$
declare
  _function regprocedure;
begin
  for _function in
    select oid::regprocedure from pg_catalog.pg_proc
    where pronamespace = 'archiver'::regnamespace and proname = 'cause_of_loss'
      or pronamespace = 'public'::regnamespace and proname in (
        'get_lost_tracks', 'get_unscheduled_tracks', 'move_archive_dates_forward')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', _function);
    execute format('grant execute on function %s to service_role', _function);
  end loop;
end
$$;
