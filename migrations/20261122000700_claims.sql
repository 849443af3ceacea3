-- Why: a worker takes a track by a claim with a lease and a fencing token, and says what became of it: store, release, complete.
--   What is missing of a track is in its files.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job, then its files.
-- Again: functions are replaced.
set local lock_timeout = '500ms';

-- What the row of a track names, and where it says that a copy is.
create or replace function archiver.files_of(_track public.tracks) returns table (kind text, url text, stored text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select named.kind, nullif(btrim(named.url), ''), nullif(btrim(named.stored), '') from (values
    ('audio', _track.audio_url, _track.storage_audio_url),
    ('cover', _track.cover_url, _track.storage_cover_url),
    ('video', _track.video_url, _track.storage_video_url)) as named (kind, url, stored)
$$;

-- The files of a track as it is now. A new source forgets why the former was refused; a stored copy stays. Where a row is new,
-- what the track has stored is the word of whoever stored it.
create or replace function archiver.snapshot_sources(_track public.tracks, _due_at timestamptz, _expires_at timestamptz)
returns void language sql set search_path = pg_catalog, pg_temp as $$
  insert into public.track_archiving_files as f
    (track_id, kind, source_url, due_at, expires_at, copied_from, storage_url, bucket_id, object_name, stored_at)
  select _track.id, named.kind, named.url, _due_at, _expires_at,
    case when named.stored is not null then named.url end, named.stored, object.bucket_id, object.object_name,
    case when named.stored is not null then coalesce(_track.archived_at, archiver.clock()) end
  from archiver.files_of(_track) as named
  cross join lateral archiver.object_of(named.stored) as object
  where named.url is not null or named.stored is not null
    or exists (select from public.track_archiving_files as known
      where known.track_id = _track.id and known.kind = named.kind)
  on conflict (track_id, kind) do update
  set source_url = excluded.source_url, due_at = excluded.due_at, expires_at = excluded.expires_at,
    error_code = case when f.source_url = excluded.source_url then f.error_code end,
    refused_at = case when f.source_url = excluded.source_url then f.refused_at end,
    first_refused_at = case when f.source_url = excluded.source_url then f.first_refused_at end
$$;

-- A file is stored at _storage_url; _details: sha256, content_type, source_host, duration_seconds. _bytes null: a person says
-- so.
create or replace function archiver.record_copy(_track_id uuid, _kind text, _source_url text, _storage_url text,
  _bytes bigint default null, _details jsonb default null) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into public.track_archiving_files as f (track_id, kind, source_url, copied_from, storage_url, bucket_id,
    object_name, bytes, sha256, content_type, source_host, duration_seconds, stored_at)
  select _track_id, _kind, _source_url, _source_url, _storage_url, object.bucket_id, object.object_name, _bytes,
    _details ->> 'sha256', _details ->> 'content_type', _details ->> 'source_host',
    (_details ->> 'duration_seconds')::double precision, archiver.clock()
  from archiver.object_of(_storage_url) as object
  on conflict (track_id, kind) do update
  set copied_from = excluded.copied_from, storage_url = excluded.storage_url, bucket_id = excluded.bucket_id,
    object_name = excluded.object_name, bytes = excluded.bytes, sha256 = excluded.sha256,
    content_type = excluded.content_type, source_host = excluded.source_host, duration_seconds = excluded.duration_seconds,
    stored_at = excluded.stored_at, error_code = null, refused_at = null, first_refused_at = null
$$;

-- A source that lies in this project's Storage already, in the owner's folder, is recorded where it is: at the project's own
-- address, whatever host the row names.
create or replace function archiver.record_in_place(_track public.tracks, _project_url text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select archiver.record_copy(f.track_id, f.kind, f.source_url, rtrim(_project_url, '/') || '/storage/v1/object/public/'
    || object.bucket_id || '/' || object.object_name, stored.bytes)
  from public.track_archiving_files as f
  cross join lateral archiver.object_of(f.source_url) as object
  cross join lateral archiver.stored_bytes(object.bucket_id, object.object_name) as stored (bytes)
  where f.track_id = _track.id and f.storage_url is null and stored.bytes > 0 and _project_url <> ''
    and split_part(object.object_name, '/', 1) = _track.user_id::text
$$;

-- The spec's columns, written from the files. A copy that is recorded is shown at once.
create or replace function archiver.show_files(_track_id uuid, _job_id uuid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
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

-- The job that this claim still holds, with the row of tracks locked; null where the lease is lost.
create or replace function archiver.lock_claim(_job_id uuid, _fencing_token bigint) returns public.track_archiving_jobs
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _job public.track_archiving_jobs;
begin
  perform from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id) for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  return _job;
end $$;

-- Seconds that the app says that a track lasts, in a column of its own or in its metadata, which users can write; null: none.
-- More than two hours are more likely milliseconds.
create or replace function archiver.duration_of(_track public.tracks) returns double precision
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when said.duration ~ '^\d{1,6}(\.\d{1,9})?$' then case
    when said.duration::double precision between 1 and 7200 then said.duration::double precision end end
  from (select coalesce(to_jsonb(_track) ->> 'duration', to_jsonb(_track) #>> '{metadata,duration}')) as said (duration)
$$;

-- claimed: the track is this worker's until the lease ends. What is stored has its address, what is refused is `gone`; another
-- no of what is `asked_before` is final: refused an hour ago, or half a minute where the expiry leaves no more; all else that
-- has an address is to be copied, and held against duration_seconds and stored_seconds. Texts are bounded: users can write long
-- ones. _project_url: where this project's Storage is; without it nothing is recorded in place.
create or replace function public.claim_track_archiving(
  _track_id uuid, _lease_seconds integer, _worker text, _project_url text default null)
returns table (outcome text, job_id uuid, fencing_token bigint, attempt integer, lease_expires_at timestamptz,
  user_id uuid, title text, provider text, expires_at timestamptz, allowed_hosts text[], user_agent text,
  audio_url text, cover_url text, video_url text,
  storage_audio_url text, storage_cover_url text, storage_video_url text, gone text[], asked_before text[],
  duration_seconds double precision, stored_seconds jsonb)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare _track public.tracks; _job public.track_archiving_jobs; _is_open boolean; _due_at timestamptz;
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
  set status = 'processing', attempt = j.attempt + 1, claimed_by = left(_worker, 200), started_at = archiver.clock(),
    -- Those that crashed on former sources say nothing of the present ones.
    crash_count = case when archiver.is_superseded(j, _track) then 0
      else j.crash_count + (j.status = 'processing')::integer end,
    fencing_token = nextval('archiver.fencing_tokens'), due_at = _due_at, expires_at = _expires_at,
    lease_expires_at = archiver.clock() + make_interval(secs => _lease_seconds),
    next_check_at = archiver.clock() + make_interval(secs => _lease_seconds),
    user_id = _track.user_id, original_audio_url = nullif(btrim(_track.audio_url), ''),
    original_cover_url = nullif(btrim(_track.cover_url), ''), original_video_url = nullif(btrim(_track.video_url), ''),
    error_code = null, error_message = null
  where j.id = _job.id returning * into _job;
  perform archiver.show_files(_track_id, _job.id);
  select 'claimed', _job.id, _job.fencing_token, _job.attempt, _job.lease_expires_at, _job.user_id, _expires_at,
    left(_track.title, 500), left(_track.provider::text, 100),
    left(max(f.source_url) filter (where f.kind = 'audio'), 8192),
    left(max(f.source_url) filter (where f.kind = 'cover'), 8192),
    left(max(f.source_url) filter (where f.kind = 'video'), 8192),
    max(f.storage_url) filter (where f.kind = 'audio' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'cover' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'video' and not archiver.is_missing(f)),
    coalesce(array_agg(f.kind order by f.kind) filter (where f.error_code is not null and f.kind <> 'audio'), '{}'),
    coalesce(array_agg(f.kind) filter (where f.first_refused_at <= archiver.clock()
      - case when _expires_at > archiver.clock() + interval '2 hours' then interval '1 hour' else interval '30 seconds' end),
      '{}'),
    archiver.duration_of(_track),
    coalesce(jsonb_object_agg(f.kind, f.duration_seconds)
      filter (where f.storage_url is not null and f.duration_seconds is not null), '{}')
  into outcome, job_id, fencing_token, attempt, lease_expires_at, user_id, expires_at, title, provider,
    audio_url, cover_url, video_url, storage_audio_url, storage_cover_url, storage_video_url, gone, asked_before,
    duration_seconds, stored_seconds
  from public.track_archiving_files as f where f.track_id = _track_id;
  return next;
end $$;

-- Records one file: as stored at _storage_url, with `bytes`, `sha256`, `content_type`, `source_host`; or, without an address,
-- as not to be had, with `code`, or, if `is_final` is false, as to be asked for once more. The former object is a leftover from
-- here on, if it is another. False: the lease is lost, whoever has it now goes on. Raises TA001 where Storage's catalogue has
-- not what is to be recorded.
create or replace function public.store_track_asset(
  _job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _job public.track_archiving_jobs; _former public.track_archiving_files; _object record; _stored bigint;
  _is_final boolean;
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
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return false; end if;
  select * into _former from public.track_archiving_files as f where f.track_id = _job.track_id and f.kind = _asset for update;
  if _storage_url is null then
    _is_final := _details ->> 'is_final' is distinct from 'false';
    update public.track_archiving_files as f
    set first_refused_at = coalesce(f.first_refused_at, archiver.clock()), refused_at = case when _is_final then archiver.clock() end,
      error_code = case when _is_final then coalesce(_details ->> 'code', 'provider_gone') end
    where f.track_id = _job.track_id and f.kind = _asset;
  else
    select * into _object from archiver.object_of(_storage_url);
    if _storage_url !~ '[?#]' and (_asset, _object.bucket_id)
      in (('audio', 'tracks-audio'), ('cover', 'tracks-covers'), ('video', 'tracks-videos')) then
      _stored := archiver.stored_bytes(_object.bucket_id, _object.object_name);
    end if;
    if _stored is null or _stored is distinct from (_details ->> 'bytes')::bigint then
      raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
        coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
    end if;
    perform archiver.record_copy(_job.track_id, _asset, _former.source_url, _storage_url, _stored, _details);
    delete from public.track_archiving_leftovers as l
    where l.bucket_id = _object.bucket_id and l.object_name = _object.object_name;
    insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
    select _former.bucket_id, _former.object_name, 'replaced'
    where (_former.bucket_id, _former.object_name) is distinct from (_object.bucket_id, _object.object_name)
      and archiver.is_own_object(_job.track_id, _former.bucket_id, _former.object_name)
    on conflict (bucket_id, object_name) do nothing;
  end if;
  perform archiver.show_files(_job.track_id, _job_id);
  return true;
end $$;

-- Gives the job back, to be claimed again when its message comes back after so many seconds. False: the lease is lost.
create or replace function public.release_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _seconds integer default 900)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update public.track_archiving_jobs as j
  set status = 'pending', lease_expires_at = null, claimed_by = null,
    next_check_at = archiver.clock() + make_interval(secs => _seconds) + interval '15 minutes',
    error_code = _error_code, error_message = left(_error_message, 2000), updated_at = archiver.clock()
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token;
  return found;
end $$;

-- Forgets copies that Storage has lost, and names their tracks. Addresses without bytes were given by a person or by the app:
-- they are the service's own word.
create or replace function archiver.forget_lost_copies(_track_ids uuid[]) returns setof uuid
language sql set search_path = pg_catalog, pg_temp as $$
  with lost as (
    update public.track_archiving_files as f
    set copied_from = null, storage_url = null, bucket_id = null, object_name = null, bytes = null, sha256 = null,
      stored_at = null
    where f.track_id = any (_track_ids) and f.bytes is distinct from archiver.stored_bytes(f.bucket_id, f.object_name)
      and f.bytes is not null
    returning f.track_id
  )
  select distinct track_id from lost
$$;

-- Every file is stored or not to be had: the track is archived, by this job, and who was told otherwise is told.
create or replace function archiver.archive_track(_track public.tracks, _job_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update public.tracks as t set archived_to_storage = true, archived_at = archiver.clock() where t.id = _track.id;
  perform archiver.show_files(_track.id, _job_id);
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null, next_check_at = null,
    error_code = null, error_message = null
  where id = _job_id;
  perform archiver.tell_saved(_track);
end $$;

-- completed, lease_lost, or superseded: the sources changed meanwhile, the job is pending again. not_stored: Storage has lost
-- what was recorded, in an earlier attempt maybe; that is forgotten, and the job is still the worker's. Raises where a file is
-- neither stored nor refused.
create or replace function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _job public.track_archiving_jobs; _missing text;
begin
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return 'lease_lost'; end if;
  select * into _track from public.tracks as t where t.id = _job.track_id;
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
  if exists (select from archiver.forget_lost_copies(array[_track.id])) then
    perform archiver.show_files(_track.id, _job_id);
    return 'not_stored';
  end if;
  perform archiver.archive_track(_track, _job_id);
  return 'completed';
end $$;
