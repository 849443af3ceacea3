-- Why: states and their transitions are the database's business, not the habit of its callers.
-- Lock: public.track_archiving_jobs share row exclusive, milliseconds: catalogue only.
-- Again: functions and triggers are replaced.
set local lock_timeout = '3s';

-- Whether a user asks or the service plans is told by the role of the statement, so before anything
-- that runs as somebody else. `usage`, not `member`: the authenticator is a member of all, inherits nothing.
create or replace function archiver.mark_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.requested := not (
    pg_catalog.pg_has_role(current_user, 'service_role', 'usage')
    or pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage')
  );
  return new;
end
$$;

-- A user's request makes the track due at once; the webhook of the due date then brings it on its way.
-- If a job is open already, that one becomes the requested one and no second is inserted. The policy looks at
-- the track as it was when the statement began: a request that waited here while the track was archived is
-- refused by us, with the same error.
create or replace function archiver.accept_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  _open public.track_archiving_jobs;
begin
  perform from public.tracks as t
  where t.id = new.track_id and t.user_id = new.user_id and t.user_id = auth.uid()
    and t.status = 'completed' and t.archived_to_storage is not true
  for no key update;
  if not found or new.status <> 'pending' then
    raise exception 'new row violates row-level security policy for table "track_archiving_jobs"'
      using errcode = 'insufficient_privilege';
  end if;

  select * into _open from public.track_archiving_jobs as j
  where j.track_id = new.track_id and j.status in ('pending', 'processing') for update;
  if _open.status = 'processing' or _open.requested then
    return null;
  end if;
  update public.tracks set archive_scheduled_at = archiver.clock() where id = new.track_id;
  if _open.id is null then
    return new;
  end if;
  update public.track_archiving_jobs set requested = true where id = _open.id;
  return null;
end
$$;

-- What holds for every job when it becomes pending or is claimed: it names the present sources of its
-- track, and keeps what is stored of those that have not changed. A new job takes over what the
-- latest one stored. Runs as the owner, for users who insert a request.
create or replace function archiver.follow_track() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _latest public.track_archiving_jobs;
  _asset text;
begin
  select * into _track from public.tracks as t where t.id = new.track_id;
  if not found then
    return new; -- the foreign key refuses it
  end if;

  if tg_op = 'INSERT' then
    new.created_at := archiver.clock();
    select * into _latest from public.track_archiving_jobs as j
    where j.track_id = new.track_id order by j.created_at desc limit 1;
    new.original_audio_url := _latest.original_audio_url;
    new.original_cover_url := _latest.original_cover_url;
    new.original_video_url := _latest.original_video_url;
    -- What the replaced system claims to have stored has no entry here: nobody looked at it.
    foreach _asset in array array['audio', 'cover', 'video'] loop
      if _latest.metadata -> 'assets' -> _asset ? 'stored_at' then
        new.metadata := jsonb_set(
          case when new.metadata ? 'assets' then new.metadata else new.metadata || '{"assets": {}}' end,
          array['assets', _asset], _latest.metadata -> 'assets' -> _asset);
      end if;
    end loop;
    new.storage_audio_url := case when new.metadata -> 'assets' ? 'audio' then _latest.storage_audio_url end;
    new.storage_cover_url := case when new.metadata -> 'assets' ? 'cover' then _latest.storage_cover_url end;
    new.storage_video_url := case when new.metadata -> 'assets' ? 'video' then _latest.storage_video_url end;
  end if;

  new.user_id := case when new.requested and tg_op = 'INSERT' then new.user_id else _track.user_id end;
  _track.audio_url := nullif(btrim(_track.audio_url), '');
  _track.cover_url := nullif(btrim(_track.cover_url), '');
  _track.video_url := nullif(btrim(_track.video_url), '');

  if new.original_audio_url is distinct from _track.audio_url then
    new.original_audio_url := _track.audio_url;
    new.storage_audio_url := null;
    new.metadata := new.metadata #- '{assets,audio}';
  end if;
  if new.original_cover_url is distinct from _track.cover_url then
    new.original_cover_url := _track.cover_url;
    new.storage_cover_url := null;
    new.metadata := new.metadata #- '{assets,cover}';
  end if;
  if new.original_video_url is distinct from _track.video_url then
    new.original_video_url := _track.video_url;
    new.storage_video_url := null;
    new.metadata := new.metadata #- '{assets,video}';
  end if;

  -- The app may have pointed a source at our own copy: that one is stored, by the service's own word.
  if _track.audio_url = _track.storage_audio_url then new.storage_audio_url := _track.audio_url; end if;
  if _track.cover_url = _track.storage_cover_url then new.storage_cover_url := _track.cover_url; end if;
  if _track.video_url = _track.storage_video_url then new.storage_video_url := _track.video_url; end if;

  new.updated_at := archiver.clock();
  return new;
end
$$;

-- What was sent and tried for former addresses says nothing about the new ones. Fires after the job has followed its track.
create or replace function archiver.forget_former_sources() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
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

create or replace function archiver.check_transition() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if new.status <> old.status
    and not (old.status = 'pending' and new.status = 'processing')
    and old.status <> 'processing'
  then
    raise exception 'an archiving job cannot go from % to %', old.status, new.status
      using errcode = 'check_violation';
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
end
$$;

revoke all on function archiver.mark_request() from public, anon, authenticated;
revoke all on function archiver.accept_request() from public, anon, authenticated;
revoke all on function archiver.follow_track() from public, anon, authenticated;
revoke all on function archiver.forget_former_sources() from public, anon, authenticated;
revoke all on function archiver.check_transition() from public, anon, authenticated;

-- Triggers of one event fire in the order of their names.
create or replace trigger track_archiving_100_mark_request before insert on public.track_archiving_jobs
  for each row execute function archiver.mark_request();
create or replace trigger track_archiving_200_accept_request before insert on public.track_archiving_jobs
  for each row when (new.requested) execute function archiver.accept_request();
create or replace trigger track_archiving_300_follow_inserted before insert on public.track_archiving_jobs
  for each row execute function archiver.follow_track();
create or replace trigger track_archiving_300_follow_updated before update on public.track_archiving_jobs
  for each row when (new.status = 'pending'
    or (new.status = 'processing' and new.fencing_token is distinct from old.fencing_token))
  execute function archiver.follow_track();
create or replace trigger track_archiving_400_forget_former_sources before update on public.track_archiving_jobs
  for each row when (new.status = 'pending')
  execute function archiver.forget_former_sources();
create or replace trigger track_archiving_500_check_transition before update on public.track_archiving_jobs
  for each row when (old.status is distinct from new.status
    or old.fencing_token is distinct from new.fencing_token)
  execute function archiver.check_transition();
