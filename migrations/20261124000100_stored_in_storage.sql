-- Why: an asset is recorded as stored, and a track as archived, only if Storage's own catalogue has each file with the bytes
--   that the worker counted. The row that says so is read by the statement that records it: no bug of a worker gets past it, and
--   it costs no request to Storage.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '3s';

do $$
begin
  if not has_table_privilege('service_role', 'storage.objects', 'select') then
    raise exception 'service_role cannot read storage.objects: no track could ever be archived'
      using hint = 'grant usage on schema storage to service_role; grant select on storage.objects to service_role';
  end if;
end
$$;

-- Bytes of the object that a public address names, or null. A Storage that keeps versions (supabase/storage,
-- migrations/tenant 0062 and later) has former ones beside the current one; an older Storage lacks these columns,
-- which to_jsonb bears.
create or replace function archiver.stored_bytes(_asset text, _storage_url text) returns bigint
language sql stable set search_path = ''
as $$
  select (o.metadata ->> 'size')::bigint
  from (values ('audio', 'tracks-audio'), ('cover', 'tracks-covers'), ('video', 'tracks-videos')) as bucket (asset, id)
  join storage.objects as o on o.bucket_id = bucket.id
    and o.name = substring(_storage_url from '/storage/v1/object/public/' || bucket.id || '/(.+)$')
  where bucket.asset = _asset
    and to_jsonb(o) ->> 'archived_at' is null and not to_jsonb(o) @> '{"is_delete_marker": true}'
$$;

-- False: the lease is lost, whoever has it now goes on. Raises TA001 where Storage has not what is to be recorded; the
-- object is named by the public address that is recorded.
create or replace function public.store_track_asset(
  _job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
returns boolean
language plpgsql set search_path = ''
as $$
declare
  _entry jsonb := coalesce(_details, '{}') - array['gone', 'at', 'stored_at'];
  _stored bigint := archiver.stored_bytes(_asset, _storage_url);
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
  _entry := _entry || case when _storage_url is null
    then jsonb_build_object('gone', true, 'at', archiver.clock())
    else jsonb_build_object('stored_at', archiver.clock())
  end;
  update public.track_archiving_jobs
  set storage_audio_url = case _asset when 'audio' then _storage_url else storage_audio_url end,
    storage_cover_url = case _asset when 'cover' then _storage_url else storage_cover_url end,
    storage_video_url = case _asset when 'video' then _storage_url else storage_video_url end,
    metadata = jsonb_set(
      case when metadata ? 'assets' then metadata else metadata || '{"assets": {}}' end,
      array['assets', _asset], _entry),
    updated_at = archiver.clock()
  where id = _job_id and status = 'processing' and fencing_token = _fencing_token;
  if not found then
    return false;
  end if;

  if _storage_url is not null and (_stored is null or _stored is distinct from (_details ->> 'bytes')::bigint) then
    raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
      coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
  end if;
  return true;
end
$$;

-- completed, lease_lost, or superseded: the sources changed meanwhile, the job is pending again and
-- keeps what is stored of those that did not. not_stored: Storage has lost what was recorded, in an earlier attempt
-- maybe; the job forgets it, and is still the worker's. Raises where an asset is neither stored nor gone.
create or replace function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) returns text
language plpgsql set search_path = ''
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _missing text;
  _asset text;
  _lost text[] := '{}';
begin
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return 'lease_lost';
  end if;

  if archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url) then
    update public.track_archiving_jobs
    set status = 'pending', lease_expires_at = null, claimed_by = null, dispatched_at = null,
      error_code = 'superseded', error_message = 'The sources of the track changed while they were copied.'
    where id = _job_id;
    return 'superseded';
  end if;

  select string_agg(asset.name, ', ') into _missing
  from (values
    ('audio', true, _job.storage_audio_url),
    ('cover', _job.original_cover_url is not null, _job.storage_cover_url),
    ('video', _job.original_video_url is not null, _job.storage_video_url)
  ) as asset (name, needed, stored)
  where asset.needed and asset.stored is null
    and (asset.name = 'audio' or not coalesce(_job.metadata -> 'assets' -> asset.name @> '{"gone": true}', false));
  if _missing is not null then
    raise exception 'track % cannot be complete: % neither stored nor gone', _track.id, _missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  -- Addresses that carry no entry of ours were given by the app: they are the service's own word.
  foreach _asset in array array['audio', 'cover', 'video'] loop
    if _job.metadata -> 'assets' -> _asset ? 'stored_at' and (_job.metadata -> 'assets' -> _asset ->> 'bytes')::bigint
      is distinct from archiver.stored_bytes(_asset, case _asset when 'audio' then _job.storage_audio_url
        when 'cover' then _job.storage_cover_url else _job.storage_video_url end)
    then
      _lost := _lost || _asset;
      _job.metadata := _job.metadata #- array['assets', _asset];
    end if;
  end loop;
  if _lost <> '{}' then
    update public.track_archiving_jobs
    set storage_audio_url = case when not 'audio' = any (_lost) then storage_audio_url end,
      storage_cover_url = case when not 'cover' = any (_lost) then storage_cover_url end,
      storage_video_url = case when not 'video' = any (_lost) then storage_video_url end,
      metadata = _job.metadata,
      updated_at = archiver.clock()
    where id = _job_id;
    return 'not_stored';
  end if;

  update public.tracks
  set archived_to_storage = true,
    archived_at = archiver.clock(),
    storage_audio_url = _job.storage_audio_url,
    storage_cover_url = _job.storage_cover_url,
    storage_video_url = _job.storage_video_url
  where id = _track.id;
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null,
    error_code = null, error_message = null, updated_at = archiver.clock()
  where id = _job_id;
  return 'completed';
end
$$;

revoke all on function archiver.stored_bytes(text, text) from public, anon, authenticated;
grant execute on function archiver.stored_bytes(text, text) to service_role;
revoke all on function public.store_track_asset(uuid, bigint, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.store_track_asset(uuid, bigint, text, text, jsonb) to service_role;
revoke all on function public.complete_track_archiving(uuid, bigint) from public, anon, authenticated;
grant execute on function public.complete_track_archiving(uuid, bigint) to service_role;
