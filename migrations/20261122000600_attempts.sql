-- Why: a track on its way, one function a verb: plan, confirm, claim, store, release, complete. Each is fenced.
-- Lock: public.tracks row exclusive, milliseconds: none beyond rows. The order everywhere: the row of tracks first, then its job, then its files.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- When a schedule that did not bring its track is looked at: past its window, which is a quarter of the time until the expiry
-- at most, and past the Scheduler's own delay.
create or replace function archiver.check_after_schedule(_due_at timestamptz, _expires_at timestamptz) returns timestamptz
language sql immutable
return _due_at + greatest(interval '5 minutes', least(interval '30 minutes', (_expires_at - _due_at) / 4 + interval '5 minutes'));

-- When a message that nobody claimed is looked at: the queue's visibility timeout, or a quarter of the time that is left.
create or replace function archiver.check_after_message(_expires_at timestamptz) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select now.at + least(interval '90 minutes', greatest(interval '5 minutes', (_expires_at - now.at) / 4))
  from (select archiver.clock() as at) as now
$$;

-- The open job of a track, or else its newest. To be called with the row of tracks locked.
create or replace function archiver.lock_latest_job(_track_id uuid) returns public.track_archiving_jobs
language sql set search_path = pg_catalog, pg_temp
as $$
  select j.* from public.track_archiving_jobs as j where j.track_id = _track_id
  order by j.status in ('pending', 'processing') desc, j.created_at desc, j.is_latest desc
  limit 1 for update
$$;

-- The one way to open jobs: pending, to be planned within five minutes. A track without an owner has no folder: it fails,
-- unless it has an open job, which fails when it is planned, or a person has its files.
create or replace function archiver.open_jobs(_track_ids uuid[], _by_hand boolean default false) returns setof public.track_archiving_jobs
language sql set search_path = pg_catalog, pg_temp
as $$
  insert into public.track_archiving_jobs
    (track_id, user_id, status, error_code, error_message, renews, due_at, expires_at, created_at, updated_at, next_check_at)
  select t.id, coalesce(t.user_id, '00000000-0000-0000-0000-000000000000'), one.status, one.error_code, one.error_message,
    coalesce(t.archived_to_storage, false), coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at,
    archiver.clock(), archiver.clock(), case one.status when 'pending' then archiver.clock() + interval '5 minutes' end
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  join (values ('pending', null, null), ('failed', 'owner_missing', 'The track has no user_id.'))
    as one (status, error_code, error_message) on (t.user_id is null and not _by_hand) = (one.status = 'failed')
  where t.id = any (_track_ids) and (one.status = 'pending' or not exists (select from public.track_archiving_jobs as j
    where j.track_id = t.id and j.status in ('pending', 'processing')))
  order by t.id
  on conflict (track_id) where status in ('pending', 'processing') do nothing
  returning *
$$;

-- A track without an owner has no folder: its job fails, and no time mends that.
create or replace function archiver.fail_without_owner(_track_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null, next_check_at = null, error_code = 'owner_missing',
    error_message = 'The track has no user_id.', updated_at = archiver.clock()
  where j.track_id = _track_id and j.status in ('pending', 'processing');
  if not found and not exists (select from public.track_archiving_jobs as j
    where j.track_id = _track_id and j.is_latest and j.error_code = 'owner_missing')
  then
    perform from archiver.open_jobs(array[_track_id]);
  end if;
end
$$;

-- schedule: make sure that something comes at due_at. cancel: remove what was scheduled. ignore: leave all as it is.
-- _retry: plan a track that failed, too.
create or replace function public.plan_track_archiving(_track_id uuid, _retry boolean default false)
returns table (action text, reason text, job_id uuid, due_at timestamptz, expires_at timestamptz,
  scheduled_for timestamptz, queued_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _is_open boolean;
  _due_at timestamptz;
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
      update public.track_archiving_jobs as j set next_check_at = null
      where j.id = _job.id and j.next_check_at is not null;
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

  action := 'schedule';
  job_id := _job.id;
  due_at := _due_at;
  expires_at := _expires_at;
  scheduled_for := _job.scheduled_for;
  queued_at := _job.queued_at;
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
  if _track.status is distinct from 'completed' or _track.archive_scheduled_at is null
    or abs(extract(epoch from _track.archive_scheduled_at - _due_at)) >= 0.001
  then
    return false;
  end if;
  update public.track_archiving_jobs as j
  set scheduled_for = case _route when 'schedule' then _due_at else j.scheduled_for end,
    queued_at = case _route when 'queue' then archiver.clock() else j.queued_at end,
    next_check_at = case _route when 'schedule' then archiver.check_after_schedule(_due_at, j.expires_at)
      else archiver.check_after_message(j.expires_at) end
  where j.id = _job_id and j.status = 'pending' and (j.renews or _track.archived_to_storage is not true);
  return found;
end
$$;

-- The files of a track as it is now. A new source forgets why the former was refused; a stored copy stays. Where a row is
-- new, what the track has stored is the word of whoever stored it.
create or replace function archiver.snapshot_sources(_track public.tracks, _due_at timestamptz, _expires_at timestamptz)
returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  insert into public.track_archiving_files as f
    (track_id, kind, source_url, due_at, expires_at, copied_from, storage_url, bucket_id, object_name, stored_at)
  select _track.id, named.kind, named.url, _due_at, _expires_at,
    case when named.stored is not null then named.url end, named.stored, object.bucket_id, object.object_name,
    case when named.stored is not null then coalesce(_track.archived_at, archiver.clock()) end
  from (values
    ('audio', nullif(btrim(_track.audio_url), ''), nullif(btrim(_track.storage_audio_url), '')),
    ('cover', nullif(btrim(_track.cover_url), ''), nullif(btrim(_track.storage_cover_url), '')),
    ('video', nullif(btrim(_track.video_url), ''), nullif(btrim(_track.storage_video_url), ''))
  ) as named (kind, url, stored)
  cross join lateral archiver.object_of(named.stored) as object
  where named.url is not null or named.stored is not null
    or exists (select from public.track_archiving_files as known
      where known.track_id = _track.id and known.kind = named.kind)
  on conflict (track_id, kind) do update
  set source_url = excluded.source_url, due_at = excluded.due_at, expires_at = excluded.expires_at,
    error_code = case when f.source_url = excluded.source_url then f.error_code end,
    refused_at = case when f.source_url = excluded.source_url then f.refused_at end
$$;

-- A source that lies in this project's Storage already, in the owner's folder, is recorded where it is: at the project's own
-- address, whatever host the row names.
create or replace function archiver.record_in_place(_track public.tracks, _project_url text) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  update public.track_archiving_files as f
  set copied_from = f.source_url,
    storage_url = rtrim(_project_url, '/') || '/storage/v1/object/public/' || object.bucket_id || '/' || object.object_name,
    bucket_id = object.bucket_id, object_name = object.object_name, bytes = object.bytes, sha256 = null,
    content_type = null, source_host = null, stored_at = archiver.clock()
  from (
    select own.kind, found.bucket_id, found.object_name,
      archiver.stored_bytes(found.bucket_id, found.object_name) as bytes
    from public.track_archiving_files as own
    cross join lateral archiver.object_of(own.source_url) as found
    where own.track_id = _track.id and own.storage_url is null
      and split_part(found.object_name, '/', 1) = _track.user_id::text
  ) as object
  where f.track_id = _track.id and f.kind = object.kind and object.bytes > 0 and _project_url <> ''
$$;

-- The spec's columns, written from the files. A copy that is recorded is shown at once.
create or replace function archiver.show_files(_track_id uuid, _job_id uuid) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  with shown as (
    select
      max(f.storage_url) filter (where f.kind = 'audio') as audio,
      max(f.storage_url) filter (where f.kind = 'cover') as cover,
      max(f.storage_url) filter (where f.kind = 'video') as video,
      coalesce(jsonb_object_agg(f.kind, case
        when f.storage_url is not null then jsonb_strip_nulls(jsonb_build_object('bytes', f.bytes, 'sha256', f.sha256,
          'content_type', f.content_type, 'source_host', f.source_host, 'stored_at', f.stored_at))
        else jsonb_build_object('gone', true, 'code', f.error_code, 'at', f.refused_at) end)
        filter (where f.storage_url is not null or f.error_code is not null), '{}') as assets
    from public.track_archiving_files as f where f.track_id = _track_id
  ), track as (
    update public.tracks as t
    set storage_audio_url = shown.audio, storage_cover_url = shown.cover, storage_video_url = shown.video
    from shown
    where t.id = _track_id
      and (t.storage_audio_url, t.storage_cover_url, t.storage_video_url)
        is distinct from (shown.audio, shown.cover, shown.video)
  )
  update public.track_archiving_jobs as j
  set storage_audio_url = shown.audio, storage_cover_url = shown.cover, storage_video_url = shown.video,
    metadata = case when shown.assets = '{}' then j.metadata - 'assets'
      else j.metadata || jsonb_build_object('assets', shown.assets) end,
    updated_at = archiver.clock()
  from shown where j.id = _job_id
$$;

-- claimed: the track is this worker's until the lease ends. What is stored has its address, what is refused is `gone`;
-- all else that has an address is to be copied. Texts are bounded: users can write long ones. _project_url: where this project's
-- Storage is; without it nothing is recorded in place.
create or replace function public.claim_track_archiving(
  _track_id uuid, _lease_seconds integer, _worker text, _project_url text default null)
returns table (outcome text, job_id uuid, fencing_token bigint, attempt integer, lease_expires_at timestamptz,
  user_id uuid, title text, provider text, expires_at timestamptz, allowed_hosts text[], user_agent text,
  audio_url text, cover_url text, video_url text,
  storage_audio_url text, storage_cover_url text, storage_video_url text, gone text[])
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _is_open boolean;
  _due_at timestamptz;
  _expires_at timestamptz;
begin
  if _lease_seconds is null or _lease_seconds < 1 then
    raise exception 'a lease lasts a second at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  _is_open := coalesce(_job.status in ('pending', 'processing'), false);
  outcome := case
    when _track.id is null then 'not_found'
    when _track.status is distinct from 'completed' then 'not_completed'
    when _track.archived_to_storage is true and not archiver.is_renewal(_job) then 'already_archived'
    when _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then 'busy'
    when _track.user_id is null then 'owner_missing'
  end;
  if outcome is not null then
    -- Its message ends here: a job left pending would tell a later completion that one is on its way.
    if outcome in ('not_completed', 'already_archived') then
      delete from public.track_archiving_jobs as j where j.id = _job.id and j.status = 'pending';
    elsif outcome = 'owner_missing' then
      perform archiver.fail_without_owner(_track_id);
    end if;
    return next;
    return;
  end if;

  select coalesce(_track.archive_scheduled_at, timing.due_at), timing.expires_at, timing.allowed_hosts, timing.user_agent
  into _due_at, _expires_at, allowed_hosts, user_agent
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if not _is_open then
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  -- What was copied into a former owner's folder is copied into the present one's.
  update public.track_archiving_files as f set copied_from = null
  from public.track_archiving_jobs as former
  where f.track_id = _track_id and former.track_id = _track_id and former.user_id <> _track.user_id
    and starts_with(f.object_name, former.user_id || '/');
  if _job.attempt = 0 then
    -- A new series of attempts asks again for what was refused in the one before.
    update public.track_archiving_files as f set error_code = null, refused_at = null
    where f.track_id = _track_id and f.error_code is not null;
  end if;
  perform archiver.snapshot_sources(_track, _due_at, _expires_at);
  perform archiver.record_in_place(_track, _project_url);

  update public.track_archiving_jobs as j
  set status = 'processing',
    attempt = j.attempt + 1,
    -- Those that crashed on former sources say nothing of the present ones.
    crash_count = case when archiver.is_superseded(j, _track) then 0
      else j.crash_count + (j.status = 'processing')::integer end,
    fencing_token = nextval('archiver.fencing_tokens'),
    lease_expires_at = archiver.clock() + make_interval(secs => _lease_seconds),
    next_check_at = archiver.clock() + make_interval(secs => _lease_seconds),
    claimed_by = left(_worker, 200),
    started_at = archiver.clock(),
    user_id = _track.user_id,
    original_audio_url = nullif(btrim(_track.audio_url), ''),
    original_cover_url = nullif(btrim(_track.cover_url), ''),
    original_video_url = nullif(btrim(_track.video_url), ''),
    due_at = _due_at,
    expires_at = _expires_at,
    error_code = null,
    error_message = null
  where j.id = _job.id returning * into _job;
  perform archiver.show_files(_track_id, _job.id);

  outcome := 'claimed';
  job_id := _job.id;
  fencing_token := _job.fencing_token;
  attempt := _job.attempt;
  lease_expires_at := _job.lease_expires_at;
  expires_at := _expires_at;
  user_id := _job.user_id;
  title := left(_track.title, 500);
  provider := left(_track.provider::text, 100);
  select
    left(max(f.source_url) filter (where f.kind = 'audio'), 8192),
    left(max(f.source_url) filter (where f.kind = 'cover'), 8192),
    left(max(f.source_url) filter (where f.kind = 'video'), 8192),
    max(f.storage_url) filter (where f.kind = 'audio' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'cover' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'video' and not archiver.is_missing(f)),
    coalesce(array_agg(f.kind order by f.kind) filter (where f.error_code is not null and f.kind <> 'audio'), '{}')
  into audio_url, cover_url, video_url, storage_audio_url, storage_cover_url, storage_video_url, gone
  from public.track_archiving_files as f where f.track_id = _track_id;
  return next;
end
$$;

-- Records one file: as stored at _storage_url, with `bytes`, `sha256`, `content_type`, `source_host`; or, without an address,
-- as not to be had, with `code`. The former object is a leftover from here on, if it is another. False: the lease is lost,
-- whoever has it now goes on. Raises TA001 where Storage's catalogue has not what is to be recorded.
create or replace function public.store_track_asset(
  _job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track_id uuid;
  _source_url text;
  _former public.track_archiving_files;
  _object record;
  _stored bigint;
begin
  if _asset is null or _asset not in ('audio', 'cover', 'video') then
    raise exception 'an asset is audio, cover or video' using errcode = 'invalid_parameter_value';
  end if;
  if _storage_url is null and _asset = 'audio' then
    raise exception 'audio is never optional' using errcode = 'invalid_parameter_value';
  end if;
  if btrim(_storage_url) = '' then
    raise exception 'a stored asset has an address' using errcode = 'invalid_parameter_value';
  end if;
  perform from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id) for no key update;
  select j.track_id, case _asset when 'audio' then j.original_audio_url
    when 'cover' then j.original_cover_url else j.original_video_url end
  into _track_id, _source_url
  from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return false;
  end if;

  select * into _former from public.track_archiving_files as f
  where f.track_id = _track_id and f.kind = _asset for update;
  if _storage_url is null then
    update public.track_archiving_files as f
    set error_code = coalesce(_details ->> 'code', 'provider_gone'), refused_at = archiver.clock()
    where f.track_id = _track_id and f.kind = _asset;
  else
    select * into _object from archiver.object_of(_storage_url);
    if _storage_url !~ '[?#]' and _object.bucket_id = (case _asset when 'audio' then 'tracks-audio' when 'cover' then 'tracks-covers' else 'tracks-videos' end) then
      _stored := archiver.stored_bytes(_object.bucket_id, _object.object_name);
    end if;
    if _stored is null or _stored is distinct from (_details ->> 'bytes')::bigint then
      raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
        coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
    end if;
    insert into public.track_archiving_files as f (track_id, kind, source_url, copied_from, storage_url, bucket_id,
      object_name, bytes, sha256, content_type, source_host, stored_at)
    values (_track_id, _asset, _source_url, _source_url, _storage_url, _object.bucket_id, _object.object_name, _stored,
      _details ->> 'sha256', _details ->> 'content_type', _details ->> 'source_host', archiver.clock())
    on conflict (track_id, kind) do update
    set copied_from = excluded.copied_from, storage_url = excluded.storage_url, bucket_id = excluded.bucket_id,
      object_name = excluded.object_name, bytes = excluded.bytes, sha256 = excluded.sha256,
      content_type = excluded.content_type, source_host = excluded.source_host, stored_at = excluded.stored_at,
      error_code = null, refused_at = null;
    delete from public.track_archiving_leftovers as l
    where l.bucket_id = _object.bucket_id and l.object_name = _object.object_name;
    insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
    select _former.bucket_id, _former.object_name, 'replaced'
    where (_former.bucket_id, _former.object_name) is distinct from (_object.bucket_id, _object.object_name)
      and archiver.is_own_object(_track_id, _former.bucket_id, _former.object_name)
    on conflict (bucket_id, object_name) do nothing;
  end if;
  perform archiver.show_files(_track_id, _job_id);
  return true;
end
$$;

-- Gives the job back, to be claimed again when its message comes back after so many seconds. False: the lease is lost.
create or replace function public.release_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _seconds integer default 900)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.track_archiving_jobs as j
  set status = 'pending', lease_expires_at = null, claimed_by = null,
    next_check_at = archiver.clock() + make_interval(secs => _seconds) + interval '15 minutes',
    error_code = _error_code, error_message = left(_error_message, 2000), updated_at = archiver.clock()
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token;
  return found;
end
$$;

-- Forgets copies that Storage has lost. Addresses without bytes were given by a person or by the app: they are the service's
-- own word.
create or replace function archiver.forget_lost_copies(_track_id uuid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.track_archiving_files as f
  set copied_from = null, storage_url = null, bucket_id = null, object_name = null, bytes = null, sha256 = null,
    stored_at = null
  where f.track_id = _track_id and f.bytes is distinct from archiver.stored_bytes(f.bucket_id, f.object_name)
    and f.bytes is not null;
  return found;
end
$$;

-- Every file is stored or not to be had: the track is archived, by this job, and who was told otherwise is told.
create or replace function archiver.archive_track(_track public.tracks, _job_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.tracks as t set archived_to_storage = true, archived_at = archiver.clock() where t.id = _track.id;
  perform archiver.show_files(_track.id, _job_id);
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null, next_check_at = null,
    error_code = null, error_message = null
  where id = _job_id;
  perform archiver.tell_saved(_track);
end
$$;

-- completed, lease_lost, or superseded: the sources changed meanwhile, the job is pending again. not_stored: Storage has lost
-- what was recorded, in an earlier attempt maybe; that is forgotten, and the job is still the worker's. Raises where a
-- file is neither stored nor refused.
create or replace function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) returns text
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _missing text;
begin
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return 'lease_lost';
  end if;

  if archiver.is_superseded(_job, _track) then
    update public.track_archiving_jobs
    set status = 'pending', lease_expires_at = null, claimed_by = null, queued_at = null,
      next_check_at = archiver.clock() + interval '5 minutes',
      error_code = 'superseded', error_message = 'The sources of the track changed while they were copied.'
    where id = _job_id;
    return 'superseded';
  end if;

  select string_agg(needed.kind, ', ' order by needed.kind) into _missing
  from (
    select f.kind from public.track_archiving_files as f where f.track_id = _track.id and archiver.is_missing(f)
    union
    select 'audio' where not exists (select from public.track_archiving_files as f
      where f.track_id = _track.id and f.kind = 'audio' and f.storage_url is not null)
  ) as needed;
  if _missing is not null then
    raise exception 'track % cannot be complete: % neither stored nor refused', _track.id, _missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  if archiver.forget_lost_copies(_track.id) then
    perform archiver.show_files(_track.id, _job_id);
    return 'not_stored';
  end if;

  perform archiver.archive_track(_track, _job_id);
  return 'completed';
end
$$;
