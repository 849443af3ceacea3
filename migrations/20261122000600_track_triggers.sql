-- Why: a completed track is given its archiving date by the database, in the app's own statement, and
--   users who may update their rows cannot change where the archive is.
-- Lock: public.tracks share row exclusive, milliseconds: catalogue only (writes wait, reads do not).
-- Again: functions and triggers are replaced.
set local lock_timeout = '3s';

-- Runs as the role of the statement, and only where a protected column really changes.
create or replace function archiver.guard_archive_columns() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.pg_has_role(current_user, 'service_role', 'usage')
    or pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage')
  then
    return new;
  end if;
  -- An upsert of a whole row comes by here before its conflict is found; a row that is there already
  -- cannot be inserted, and what an update changes is checked again.
  if tg_op = 'INSERT' and exists (
    select from public.tracks as t
    where t.id = new.id
      and (t.archived_to_storage, t.storage_audio_url, t.storage_cover_url, t.storage_video_url,
        t.archive_scheduled_at, t.archived_at)
      is not distinct from
      (new.archived_to_storage, new.storage_audio_url, new.storage_cover_url, new.storage_video_url,
        new.archive_scheduled_at, new.archived_at))
  then
    return new;
  end if;
  raise exception 'the archive columns of a track are set by the archiver alone'
    using errcode = 'insufficient_privilege';
end
$$;

-- A source that has to be archived anew: another address, and none of our own copies.
create or replace function archiver.is_new_source(_old text, _new text, _stored text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select btrim(_new) <> ''
    and btrim(_new) is distinct from btrim(_old)
    and btrim(_new) is distinct from _stored
    and _new !~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/'
$$;

-- Never makes the statement of the app fail or wait: what it cannot work out stays null, and planning
-- fills it in.
create or replace function public.schedule_track_archiving() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  _reopened boolean := false;
  _due boolean;
begin
  if tg_op = 'UPDATE' then
    -- The copy of an asset whose source has changed is no longer the copy of this asset.
    if archiver.is_new_source(old.audio_url, new.audio_url, new.storage_audio_url) then
      new.storage_audio_url := null;
      _reopened := true;
    end if;
    if archiver.is_new_source(old.cover_url, new.cover_url, new.storage_cover_url) then
      new.storage_cover_url := null;
      _reopened := true;
    end if;
    if archiver.is_new_source(old.video_url, new.video_url, new.storage_video_url) then
      new.storage_video_url := null;
      _reopened := true;
    end if;
    if _reopened then
      new.archived_to_storage := false;
      new.archived_at := null;
    end if;
  end if;

  if new.archived_to_storage is true
    or tg_op = 'INSERT' and exists (select from public.tracks as t where t.id = new.id) -- an upsert
  then
    return new;
  end if;
  if new.status is distinct from 'completed' then
    new.archive_scheduled_at := null;
    return new;
  end if;

  _due := new.archive_scheduled_at is null;
  if tg_op = 'UPDATE' then
    _due := _due or new.archive_scheduled_at is not distinct from old.archive_scheduled_at and (
      old.status is distinct from new.status
      or old.provider is distinct from new.provider
      or old.created_at is distinct from new.created_at
      or old.metadata ->> 'expires_at' is distinct from new.metadata ->> 'expires_at');
  end if;
  if _due then
    new.archive_scheduled_at := null;
    lock table public.track_archiving_policies in access share mode nowait;
    select timing.due_at into new.archive_scheduled_at
    from archiver.track_timing(new.provider::text, new.created_at, new.metadata) as timing;
  end if;
  return new;
exception when others then
  raise warning 'track %: its archiving is not scheduled yet: %', new.id, sqlerrm;
  return new;
end
$$;

-- A track whose calendar had run out when it was completed, or got new sources, has its job at once: the sweep
-- leaves expired tracks alone that have none, since those are from before the archiver. Never makes the
-- statement of the app fail or wait: what cannot be done at once is left to the webhook.
create or replace function archiver.open_late_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
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

revoke all on function archiver.guard_archive_columns() from public, anon, authenticated;
revoke all on function archiver.is_new_source(text, text, text) from public, anon, authenticated;
revoke all on function public.schedule_track_archiving() from public, anon, authenticated;
revoke all on function archiver.open_late_job() from public, anon, authenticated;

-- Triggers fire in the order of their names: the guard sees what the user wrote, before the schedule
-- adds what is ours. The conditions keep all other updates of tracks free of any function call.
create or replace trigger track_archiving_100_guard_insert before insert on public.tracks
  for each row when (new.archived_to_storage is true or new.storage_audio_url is not null
    or new.storage_cover_url is not null or new.storage_video_url is not null
    or new.archive_scheduled_at is not null or new.archived_at is not null)
  execute function archiver.guard_archive_columns();
create or replace trigger track_archiving_100_guard_update before update on public.tracks
  for each row when (
    (old.archived_to_storage, old.storage_audio_url, old.storage_cover_url, old.storage_video_url,
      old.archive_scheduled_at, old.archived_at)
    is distinct from
    (new.archived_to_storage, new.storage_audio_url, new.storage_cover_url, new.storage_video_url,
      new.archive_scheduled_at, new.archived_at))
  execute function archiver.guard_archive_columns();

create or replace trigger track_archiving_200_schedule_insert before insert on public.tracks
  for each row when (new.status = 'completed')
  execute function public.schedule_track_archiving();
create or replace trigger track_archiving_200_schedule_update before update on public.tracks
  for each row when (
    (old.status, old.provider, old.created_at, old.audio_url, old.cover_url, old.video_url)
    is distinct from
    (new.status, new.provider, new.created_at, new.audio_url, new.cover_url, new.video_url)
    or old.metadata ->> 'expires_at' is distinct from new.metadata ->> 'expires_at')
  execute function public.schedule_track_archiving();

create or replace trigger track_archiving_500_late_insert after insert on public.tracks
  for each row when (new.status = 'completed' and new.archived_to_storage is not true
    and new.archive_scheduled_at <= now())
  execute function archiver.open_late_job();
create or replace trigger track_archiving_500_late_update after update on public.tracks
  for each row when (new.status = 'completed' and new.archived_to_storage is not true
    and new.archive_scheduled_at <= now()
    and (old.status, old.audio_url, old.cover_url, old.video_url)
      is distinct from (new.status, new.audio_url, new.cover_url, new.video_url))
  execute function archiver.open_late_job();
