-- Why: an asset is recorded as stored only if Storage's own catalogue has it with the bytes that the worker counted.
--   The row that says so is read by the statement that records it: no bug of a worker gets past it, and it costs no request to Storage.
-- Lock: none beyond rows.
-- Again: the function is replaced.
set local lock_timeout = '3s';

do $$
begin
  if not has_table_privilege('service_role', 'storage.objects', 'select') then
    raise exception 'service_role cannot read storage.objects: no track could ever be archived'
      using hint = 'grant usage on schema storage to service_role; grant select on storage.objects to service_role';
  end if;
end
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
  _bucket_id text := case _asset
    when 'audio' then 'tracks-audio' when 'cover' then 'tracks-covers' when 'video' then 'tracks-videos' end;
  _stored bigint;
begin
  if _bucket_id is null then
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

  if _storage_url is not null then
    -- A Storage that keeps versions (supabase/storage, migrations/tenant 0062 and later) has former ones beside the
    -- current one; an older Storage lacks these columns, which to_jsonb bears.
    select (o.metadata ->> 'size')::bigint into _stored
    from storage.objects as o
    where o.bucket_id = _bucket_id
      and o.name = substring(_storage_url from '/storage/v1/object/public/' || _bucket_id || '/(.+)$')
      and to_jsonb(o) ->> 'archived_at' is null and not to_jsonb(o) @> '{"is_delete_marker": true}';
    if _stored is null or _stored is distinct from (_details ->> 'bytes')::bigint then
      raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
        coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
    end if;
  end if;
  return true;
end
$$;

revoke all on function public.store_track_asset(uuid, bigint, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.store_track_asset(uuid, bigint, text, text, jsonb) to service_role;
