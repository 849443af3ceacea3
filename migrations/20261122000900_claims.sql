-- Why: a worker takes a track by a claim with a lease and a fencing token, records each file as it is stored, and ends
--   by giving the job back or by completing it: track and job in one transaction, or not at all.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '3s';

create or replace function public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text)
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

-- False: the lease is lost, whoever has it now goes on. Raises TA001 where Storage has not what is to be recorded; the
-- object is named by the public address that is recorded.
create or replace function public.store_track_asset(
  _job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
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

-- Gives the job back, to be claimed again. False: the lease is lost.
create or replace function public.release_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.track_archiving_jobs
  set status = 'pending', lease_expires_at = null, claimed_by = null,
    error_code = _error_code, error_message = left(_error_message, 2000)
  where id = _job_id and status = 'processing' and fencing_token = _fencing_token;
  return found;
end
$$;

-- completed, lease_lost, or superseded: the sources changed meanwhile, the job is pending again and
-- keeps what is stored of those that did not. not_stored: Storage has lost what was recorded, in an earlier attempt
-- maybe; the job forgets it, and is still the worker's. Raises where an asset is neither stored nor gone.
create or replace function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) returns text
language plpgsql set search_path = pg_catalog, pg_temp
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

revoke all on function public.claim_track_archiving(uuid, integer, text) from public, anon, authenticated;
revoke all on function public.store_track_asset(uuid, bigint, text, text, jsonb) from public, anon, authenticated;
revoke all on function public.release_track_archiving(uuid, bigint, text, text) from public, anon, authenticated;
revoke all on function public.complete_track_archiving(uuid, bigint) from public, anon, authenticated;
grant execute on function public.claim_track_archiving(uuid, integer, text) to service_role;
grant execute on function public.store_track_asset(uuid, bigint, text, text, jsonb) to service_role;
grant execute on function public.release_track_archiving(uuid, bigint, text, text) to service_role;
grant execute on function public.complete_track_archiving(uuid, bigint) to service_role;
