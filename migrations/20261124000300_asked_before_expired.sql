-- Why: no track is closed as expired before its provider was asked for the files that it names now. A message that was
--   sent, an attempt at former addresses, or a calendar that ran out before the track was completed is no answer.
-- Lock: public.tracks share row exclusive, milliseconds: catalogue only (writes wait, reads do not).
-- Lock: public.track_archiving_jobs share row exclusive, milliseconds: catalogue only.
-- Again: functions and triggers are replaced.
set local lock_timeout = '3s';

-- Why this track will not be archived unless somebody acts, or null: it is on its way, in a worker's hands,
-- given up, or nobody's concern. A schedule older than its group and a message older than its queue do not
-- exist any more. A sign of life is a message sent or a claim made. Not asked of what was closed as expired.
create or replace function archiver.cause_of_loss(
  _job public.track_archiving_jobs, _superseded boolean, _due_at timestamptz, _expires_at timestamptz,
  _schedules_since timestamptz, _messages_since timestamptz, _schedule_grace interval, _silence interval,
  _max_attempts integer, _retryable_codes text[])
returns text
language sql stable set search_path = ''
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
language sql stable set search_path = ''
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

create or replace function public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text)
returns table (outcome text, job_id uuid, fencing_token bigint, attempt integer, lease_expires_at timestamptz,
  user_id uuid, title text, provider text, expires_at timestamptz, allowed_hosts text[], user_agent text,
  audio_url text, cover_url text, video_url text,
  storage_audio_url text, storage_cover_url text, storage_video_url text, gone text[])
language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
begin
  if _lease_seconds is null or _lease_seconds < 1 then
    raise exception 'a lease lasts a second at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  outcome := case
    when not found then 'not_found'
    when _track.archived_to_storage is true then 'already_archived'
    when _track.status is distinct from 'completed' then 'not_completed'
  end;
  if outcome is not null then
    -- Its message ends here: a job left pending would tell a later completion that one is on its way.
    delete from public.track_archiving_jobs as j where j.track_id = _track_id and j.status = 'pending';
    return next;
    return;
  end if;

  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then
    outcome := 'busy';
    return next;
    return;
  end if;
  if _job.id is null then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  end if;

  update public.track_archiving_jobs as j
  set status = 'processing',
    attempt = j.attempt + 1,
    workers_lost = j.workers_lost + (j.status = 'processing')::integer,
    fencing_token = nextval('archiver.fencing_tokens'),
    lease_expires_at = archiver.clock() + make_interval(secs => _lease_seconds),
    claimed_by = left(_worker, 200),
    started_at = archiver.clock(),
    error_code = null,
    error_message = null
  where j.id = _job.id returning * into _job;

  outcome := 'claimed';
  job_id := _job.id;
  fencing_token := _job.fencing_token;
  attempt := _job.attempt;
  lease_expires_at := _job.lease_expires_at;
  user_id := _job.user_id;
  title := _track.title;
  provider := _track.provider;
  select timing.expires_at, timing.allowed_hosts, timing.user_agent into expires_at, allowed_hosts, user_agent
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  audio_url := _job.original_audio_url;
  cover_url := _job.original_cover_url;
  video_url := _job.original_video_url;
  storage_audio_url := _job.storage_audio_url;
  storage_cover_url := _job.storage_cover_url;
  storage_video_url := _job.storage_video_url;
  gone := array(
    select asset.key from jsonb_each(coalesce(_job.metadata -> 'assets', '{}')) as asset
    where asset.value @> '{"gone": true}' order by asset.key);
  return next;
end
$$;

-- What was sent and tried for former addresses says nothing about the new ones. Fires after the job has followed its track.
create or replace function archiver.forget_former_sources() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if (new.original_audio_url, new.original_cover_url, new.original_video_url)
    is distinct from (old.original_audio_url, old.original_cover_url, old.original_video_url)
  then
    new.started_at := null;
    new.dispatched_at := null;
  end if;
  return new;
end
$$;

-- A track whose calendar had run out when it was completed, or got new sources, has its job at once: the sweep
-- leaves expired tracks alone that have none, since those are from before the archiver. Never makes the
-- statement of the app fail or wait: what cannot be done at once is left to the webhook.
create or replace function archiver.open_late_job() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Not a condition of the triggers: those run as the user of the app, who may not call the clock.
  if (new.archive_scheduled_at <= archiver.clock()) is not true then
    return null;
  end if;
  lock table public.track_archiving_policies in access share mode nowait;
  lock table public.track_archiving_jobs in row exclusive mode nowait;
  insert into public.track_archiving_jobs (track_id, user_id)
  select new.id, new.user_id
  from archiver.track_timing(new.provider::text, new.created_at, new.metadata) as timing
  where timing.expires_at <= archiver.clock()
  on conflict (track_id) where status in ('pending', 'processing') do nothing;
  return null;
exception when others then
  raise warning 'track %: completed late, and its job is not opened: %', new.id, sqlerrm;
  return null;
end
$$;

revoke all on function archiver.forget_former_sources() from public, anon, authenticated;
revoke all on function archiver.open_late_job() from public, anon, authenticated;

-- Triggers fire in the order of their names: after b_follow_updated.
create or replace trigger b_forget_former_sources before update on public.track_archiving_jobs
  for each row when (new.status = 'pending')
  execute function archiver.forget_former_sources();

-- The conditions keep all other updates of tracks free of any function call.
create or replace trigger track_archiving_late_insert after insert on public.tracks
  for each row when (new.status = 'completed' and new.archived_to_storage is not true)
  execute function archiver.open_late_job();
create or replace trigger track_archiving_late_update after update on public.tracks
  for each row when (new.status = 'completed' and new.archived_to_storage is not true
    and (old.status, old.audio_url, old.cover_url, old.video_url)
      is distinct from (new.status, new.audio_url, new.cover_url, new.video_url))
  execute function archiver.open_late_job();
