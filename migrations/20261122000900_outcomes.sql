-- Why: what a worker says of its claim, one function a verb: store, release, complete. Each is fenced.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job, then its files.
-- Again: functions are replaced.
set local lock_timeout = '500ms';

-- Records one file: as stored at _storage_url, with `bytes`, `sha256`, `content_type`, `source_host`; or, without an address,
-- as not to be had, with `code`, or, if `is_final` is false, as to be asked for once more. The former object is a leftover from
-- here on, if it is another. False: the lease is lost, whoever has it now goes on. Raises TA001 where Storage's catalogue has
-- not what is to be recorded.
create or replace function public.store_track_asset(
  _job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _job public.track_archiving_jobs; _former public.track_archiving_files; _object record; _stored bigint;
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
  if _storage_url is null and _details ->> 'is_final' = 'false' then
    update public.track_archiving_files as f set first_refused_at = coalesce(f.first_refused_at, archiver.clock())
    where f.track_id = _job.track_id and f.kind = _asset;
  elsif _storage_url is null then
    update public.track_archiving_files as f
    set first_refused_at = coalesce(f.first_refused_at, archiver.clock()), refused_at = archiver.clock(),
      error_code = coalesce(_details ->> 'code', 'provider_gone')
    where f.track_id = _job.track_id and f.kind = _asset;
  else
    select * into _object from archiver.object_of(_storage_url);
    if _storage_url !~ '[?#]' and _object.bucket_id = (case _asset when 'audio' then 'tracks-audio' when 'cover' then 'tracks-covers' else 'tracks-videos' end) then
      _stored := archiver.stored_bytes(_object.bucket_id, _object.object_name);
    end if;
    if _stored is null or _stored is distinct from (_details ->> 'bytes')::bigint then
      raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
        coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
    end if;
    perform archiver.record_copy(_job.track_id, _asset,
      case _asset when 'audio' then _job.original_audio_url when 'cover' then _job.original_cover_url else _job.original_video_url end,
      _storage_url, _stored, _details);
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
