-- Why: what holds of the record at any time: which source is a new one, which transitions are legal, which job counts, and that
--   the files of a deleted track are known.
-- Lock: public.track_archiving_jobs share row exclusive, milliseconds: catalogue only.
-- Again: functions and triggers are replaced.
set local lock_timeout = '500ms';

-- Addresses. Signatures change, the file does not.
create or replace function archiver.without_query(_url text) returns text
language sql immutable
return regexp_replace(btrim(_url), '[?#].*$', '');

-- An address that could lead to a file: https, a host with a dot, and not what a program writes for nothing.
create or replace function archiver.is_address(_url text) returns boolean
language sql immutable
return btrim(_url) ~* '^https://[^/?#@[:space:]]+\.[^/?#@[:space:]]+'
  and regexp_replace(btrim(_url), '[?#].*$', '') !~* '/(none|null|undefined|nan)(\.[a-z0-9]+)?$';

-- Our own copy, at any address of ours: Storage's paths are the same behind a domain of the app.
create or replace function archiver.is_own_copy(_url text, _storage_url text) returns boolean
language sql immutable
return coalesce(regexp_replace(btrim(_url), '[?#].*$', '') = regexp_replace(btrim(_storage_url), '[?#].*$', ''), false)
  or coalesce(_url ~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/', false);

-- Does a track that named _old, and names _new now, have another file to copy?
create or replace function archiver.is_new_source(_old text, _new text, _storage_url text) returns boolean
language sql immutable
return coalesce(archiver.is_address(_new), false)
  and archiver.without_query(_new) is distinct from archiver.without_query(_old)
  and not archiver.is_own_copy(_new, _storage_url);

-- Is the present source of a file still to be copied?
create or replace function archiver.is_missing(_file public.track_archiving_files) returns boolean
language sql immutable
return _file.source_url is not null and _file.error_code is null
  and (_file.storage_url is null
    or archiver.is_new_source(_file.copied_from, _file.source_url, _file.storage_url));

-- Does the track have other sources, or another owner, than when the job was claimed? Never claimed: no.
create or replace function archiver.is_superseded(_job public.track_archiving_jobs, _track public.tracks) returns boolean
language sql immutable
return _job.started_at is not null and
  (_job.original_audio_url, _job.original_cover_url, _job.original_video_url, _job.user_id)
  is distinct from
  (nullif(btrim(_track.audio_url), ''), nullif(btrim(_track.cover_url), ''), nullif(btrim(_track.video_url), ''), _track.user_id);

-- Does the job, or would another after it, copy a new source of an archived track?
create or replace function archiver.is_renewal(_job public.track_archiving_jobs) returns boolean
language sql immutable
return coalesce(_job.renews and _job.status <> 'completed', false);

-- Has the job failed, and nothing changed since that would let it succeed? What the legacy system left is no failure of ours.
create or replace function archiver.has_failed(_job public.track_archiving_jobs, _track public.tracks) returns boolean
language sql immutable
return coalesce(_job.status = 'failed' and _job.error_code <> 'legacy_system'
  and not (_job.error_code = 'owner_missing' and _track.user_id is not null)
  and not archiver.is_superseded(_job, _track), false);

-- A row's legal transitions. Ended jobs stay as they are, but for the clock hand of a failed one and what is said of it.
create or replace function archiver.check_transition() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.status <> old.status and not (
    old.status = 'pending' or old.status = 'processing') then
    raise exception 'an archiving job cannot go from % to %', old.status, new.status using errcode = 'check_violation';
  end if;
  if new.fencing_token is distinct from old.fencing_token then
    if new.fencing_token is null or new.fencing_token < old.fencing_token then
      raise exception 'the fencing token of an archiving job only grows' using errcode = 'check_violation';
    end if;
    if old.status = 'processing' and new.status = 'processing' and old.lease_expires_at > archiver.clock() then
      raise exception 'the archiving job is leased' using errcode = 'check_violation';
    end if;
  elsif old.status = 'pending' and new.status = 'processing' then
    raise exception 'a claim needs a fencing token of its own' using errcode = 'check_violation';
  end if;
  return new;
end $$;

-- A job that a person or the service inserts by hand has its owner, its deadline and its clock hand like any other.
create or replace function archiver.date_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  new.created_at := archiver.clock();
  new.updated_at := archiver.clock();
  new.next_check_at := archiver.clock() + interval '5 minutes';
  select coalesce(t.user_id, new.user_id), coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at
  into new.user_id, new.due_at, new.expires_at
  from (values (new.track_id)) as named (id)
  left join public.tracks as t on t.id = named.id -- none: the foreign key refuses the job
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing;
  return new;
end $$;

-- The newest job is the one that counts; what an earlier one still waited for is its business now.
create or replace function archiver.replace_former_jobs() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update public.track_archiving_jobs as former
  set is_latest = false, next_check_at = case when former.status = 'failed' then null else former.next_check_at end
  from added
  where former.track_id = added.track_id and former.id <> added.id and former.is_latest;
  return null;
end $$;

-- What lies where a track's files lie was never anybody else's. All else (a source that was recorded in place, what a person
-- named) may be.
create or replace function archiver.is_own_object(_track_id uuid, _bucket_id text, _object_name text) returns boolean
language sql immutable
return _bucket_id in ('tracks-audio', 'tracks-covers', 'tracks-videos')
  and _object_name ~ ('^[^/]+/' || _track_id || '\.[a-z0-9]+$');

create index if not exists track_archiving_files_elsewhere on public.track_archiving_files (bucket_id, object_name)
  where object_name is not null and not archiver.is_own_object(track_id, bucket_id, object_name);

-- The files of a deleted track are known afterwards. A failure here must not keep the track.
create or replace function archiver.keep_leftovers() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
  select bucket_id, object_name, 'deleted' from gone where archiver.is_own_object(track_id, bucket_id, object_name)
  on conflict (bucket_id, object_name) do nothing;
  return null;
exception when others then
  raise warning 'the files of deleted tracks are not noted: %', sqlerrm;
  return null;
end $$;

create or replace trigger track_archiving_300_date before insert on public.track_archiving_jobs
  for each row when (new.status in ('pending', 'processing') and new.next_check_at is null)
  execute function archiver.date_job();
create or replace trigger track_archiving_500_check_transition before update on public.track_archiving_jobs
  for each row when (old.status is distinct from new.status
    or old.fencing_token is distinct from new.fencing_token)
  execute function archiver.check_transition();
create or replace trigger track_archiving_900_replace_former after insert on public.track_archiving_jobs
  referencing new table as added for each statement execute function archiver.replace_former_jobs();
create or replace trigger track_archiving_900_keep_leftovers after delete on public.track_archiving_files
  referencing old table as gone for each statement execute function archiver.keep_leftovers();

-- Requests of owners.
-- Whether a user asks or the service plans is told by the role of the statement, so before anything
-- that runs as somebody else. `usage`, not `member`: the authenticator is a member of all, inherits nothing.
create or replace function archiver.mark_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.requested := not (pg_has_role(current_user, 'service_role', 'usage')
    or pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage'));
  return new;
end $$;

-- A request makes the track due at once; the webhook of the due date then brings it on its way. A job that only waits
-- makes room for the requested one. The policy looks at the track as it was when the statement began: a request that
-- waited here while the track was archived is refused by us, with the same error.
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
    new.attempt := _latest.attempt;
    new.crash_count := _latest.crash_count;
    new.scheduled_for := _latest.scheduled_for;
    new.started_at := _latest.started_at;
    new.original_audio_url := _latest.original_audio_url;
    new.original_cover_url := _latest.original_cover_url;
    new.original_video_url := _latest.original_video_url;
    delete from public.track_archiving_jobs as j where j.id = _latest.id;
  end if;
  update public.tracks set archive_scheduled_at = archiver.clock() where id = new.track_id;
  return new;
end $$;

create or replace trigger track_archiving_100_mark_request before insert on public.track_archiving_jobs
  for each row execute function archiver.mark_request();
create or replace trigger track_archiving_200_accept_request before insert on public.track_archiving_jobs
  for each row when (new.requested) execute function archiver.accept_request();
