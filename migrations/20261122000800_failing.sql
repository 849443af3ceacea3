-- Why: a track that fails, and who is told. One way for every caller: the dead letter first, then the job. The owner hears of
--   what is final, once, and again when it was saved after all.
-- Lock: none on tables of the app. The order everywhere: the row of tracks first, then its job.
-- Again: the table is made if absent; functions are replaced.
set local lock_timeout = '500ms';

do $$ begin
  if to_regclass('public.notifications') is not null then return; end if;
  create table public.notifications (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    type text not null check (type in ('info', 'success', 'warning', 'error')),
    title text not null,
    message text not null,
    link text,
    read boolean not null default false,
    created_at timestamptz not null default archiver.clock()
  );
  create index notifications_user on public.notifications (user_id, created_at desc);
  alter table public.notifications enable row level security;
  revoke all on public.notifications from public, anon, authenticated;
  grant select, delete, update (read) on public.notifications to authenticated;
  grant all on public.notifications to service_role;
  create policy "Users can read own notifications" on public.notifications
    for select to authenticated using (user_id = (select auth.uid()));
  create policy "Users can mark own notifications" on public.notifications
    for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
  create policy "Users can delete own notifications" on public.notifications
    for delete to authenticated using (user_id = (select auth.uid()));
end $$;
grant insert on public.notifications to service_role;

-- Returns why the owner could not be told, or null. Waits for nobody's lock for long: it runs inside the transaction that
-- records what happened.
create or replace function archiver.notify_owner(_user_id uuid, _track_id uuid, _title text, _saved boolean) returns text
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare _settings public.track_archiving_settings := (select s from public.track_archiving_settings as s);
  _english boolean := _settings.language = 'en'; _head text; _text text;
begin
  if _saved then
    _head := coalesce(_settings.saved_title, case when _english then 'Track saved after all' else 'Трек всё же сохранён' end);
    _text := coalesce(_settings.saved_message, case when _english
      then 'Track "{title}" is saved after all.' else 'Трек "{title}" всё же сохранён.' end);
  else
    _head := coalesce(_settings.failed_title,
      case when _english then 'Track could not be archived' else 'Не удалось архивировать трек' end);
    _text := coalesce(_settings.failed_message, case when _english
      then 'Track "{title}" was not saved. It may become unavailable.'
      else 'Трек "{title}" не был сохранен. Он может стать недоступен.' end);
  end if;
  insert into public.notifications (user_id, type, title, message, link)
  values (_user_id, case when _saved then _settings.saved_type else _settings.failed_type end, _head,
    replace(_text, '{title}', coalesce(left(_title, 500), '')),
    replace(_settings.notification_link, '{track_id}', _track_id::text));
  return null;
exception when others then
  return sqlerrm;
end $$;

-- Why no owner could be told with the present settings, or null. Writes nothing.
create or replace function public.check_track_notifications() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare _user_id uuid := (select id from auth.users limit 1); _problem text;
begin
  if _user_id is null then return null; end if;
  begin
    _problem := coalesce(
      archiver.notify_owner(_user_id, _user_id, 'title', false), archiver.notify_owner(_user_id, _user_id, 'title', true));
    raise exception using errcode = 'TA000';
  exception when sqlstate 'TA000' then
    return _problem;
  end;
end $$;

-- Until when a track is tried. An expiry may be whatever a user writes, so there are no tries without end.
create or replace function archiver.tried_until(_due_at timestamptz, _expires_at timestamptz) returns timestamptz
language sql immutable return least(_expires_at, _due_at + interval '30 days');

-- Eight more tries between the due date and the expiry, a minute apart at least and six hours at most; null: no more.
create or replace function archiver.retry_at(_due_at timestamptz, _expires_at timestamptz) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when now.at < archiver.tried_until(_due_at, _expires_at)
    then least(now.at + greatest(interval '1 minute', least(interval '6 hours', (_expires_at - _due_at) / 8)), _expires_at) end
  from (select archiver.clock() as at) as now
$$;

-- The owner of a track that is not safe is told, once for the same sources.
create or replace function archiver.tell_failed(_track public.tracks, _job public.track_archiving_jobs) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _problem text;
begin
  if _track.archived_to_storage is true or exists (
    select from public.track_archiving_jobs as j
    where j.track_id = _track.id and j.told_at is not null and not archiver.is_superseded(j, _track)) then
    return;
  end if;
  _problem := archiver.notify_owner(_track.user_id, _track.id, _track.title, false);
  update public.track_archiving_jobs as j
  set told_at = case when _problem is null then archiver.clock() end,
    metadata = case when _problem is null then j.metadata
      else j.metadata || jsonb_build_object('notification_error', _problem) end
  where j.id = _job.id;
end $$;

-- Whoever was told that a track is not saved is told that it is.
create or replace function archiver.tell_saved(_track public.tracks) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update public.track_archiving_jobs as j set told_at = null where j.track_id = _track.id and j.told_at is not null;
  if found then
    perform archiver.notify_owner(_track.user_id, _track.id, _track.title, true);
  end if;
end $$;

-- A job fails. _may_retry: time may, so it is tried again before the expiry, and nobody is told yet. If the sources changed
-- meanwhile it is only this attempt that failed: the track becomes due at once, which its webhook announces. To be called after
-- the dead letter was sent; where it was not (_is_said), the sweep sends it once time is up. False: the lease is lost.
create or replace function public.fail_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _may_retry boolean default false,
  _is_said boolean default true)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _job public.track_archiving_jobs; _superseded boolean;
begin
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return false; end if;
  select * into _track from public.tracks as t where t.id = _job.track_id;
  _superseded := archiver.is_superseded(_job, _track);
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null,
    next_check_at = case when _superseded then archiver.clock() + interval '5 minutes'
      when _may_retry then coalesce(archiver.retry_at(j.due_at, j.expires_at),
        case when not _is_said or archiver.is_audio_stored(_track.id) then archiver.clock() end) end,
    error_code = coalesce(_error_code, 'internal'), error_message = left(_error_message, 2000),
    updated_at = archiver.clock()
  where j.id = _job_id returning * into _job;
  if _superseded then
    update public.tracks set archive_scheduled_at = archiver.clock() where id = _track.id and status = 'completed';
  elsif _job.next_check_at is null then
    perform archiver.tell_failed(_track, _job);
  end if;
  return true;
end $$;

-- Is the audio stored, so that whatever is missing of the track is optional?
create or replace function archiver.is_audio_stored(_track_id uuid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.track_archiving_files as f
    where f.track_id = _track_id and f.kind = 'audio' and f.storage_url is not null and not archiver.is_missing(f))
$$;

-- Nothing is left to try, and the audio is stored: the track is archived without the cover or video that time might have
-- brought, which is recorded as not to be had. False: somebody was faster, it may be tried again, or the audio is not stored.
create or replace function public.archive_without_optional(_track_id uuid, _error_code text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _job public.track_archiving_jobs; _former public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  if not archiver.may_be_closed(_track, _job) then return false; end if;
  if exists (select from archiver.forget_lost_copies(array[_track_id])) then
    perform archiver.show_files(_track_id, _job.id);
  end if;
  if not archiver.is_audio_stored(_track_id) then return false; end if;
  update public.track_archiving_files as f set error_code = _error_code, refused_at = archiver.clock()
  where f.track_id = _track_id and archiver.is_missing(f);
  if _job.status = 'failed' then
    _former := _job;
    select * into _job from archiver.open_jobs(array[_track_id]);
    update public.track_archiving_jobs as j
    set attempt = _former.attempt, started_at = _former.started_at, original_audio_url = _former.original_audio_url,
      original_cover_url = _former.original_cover_url, original_video_url = _former.original_video_url
    where j.id = _job.id;
  end if;
  perform archiver.archive_track(_track, _job.id);
  return true;
end $$;

-- May the sweep end the attempts of a track whose latest job this is?
create or replace function archiver.may_be_closed(_track public.tracks, _job public.track_archiving_jobs) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(_track.status = 'completed' and _job.next_check_at is not null and _job.started_at is not null
    and (_track.archived_to_storage is not true or _job.renews)
    and not (_job.status = 'processing' and _job.lease_expires_at > archiver.clock())
    and not archiver.is_superseded(_job, _track), false)
$$;

-- Nothing is left to try, the sweep found: expired, or its workers crash. The job ends, its owner is told. To be called after
-- the dead letter was sent. False: somebody was faster, it may be tried again, or the audio is stored and it is archived.
create or replace function public.close_track_archiving(_track_id uuid, _error_code text, _error_message text)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _job public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  if not archiver.may_be_closed(_track, _job) or public.archive_without_optional(_track_id, _error_code) then
    return false;
  end if;
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null, next_check_at = null, error_code = _error_code,
    error_message = left(concat_ws('. Before: ', _error_message, j.error_code || ': ' || coalesce(j.error_message, '')), 2000),
    updated_at = archiver.clock()
  where j.id = _job.id returning * into _job;
  perform archiver.tell_failed(_track, _job);
  return true;
end $$;

-- What a policy refused, and allows now, wakes by itself, a cover of an archived track too; what is still refused fails again.
-- The settings' row is locked first, as by every walk of the sweep: no walk then ends, and is set to its end, on what it read
-- of the former policy.
create or replace function archiver.wake_refused() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare _archived uuid[];
begin
  update public.track_archiving_settings set deadlines_after = '00000000-0000-0000-0000-000000000000';
  update public.track_archiving_jobs as j set next_check_at = archiver.clock()
  from (
    select refused.id from public.track_archiving_jobs as refused
    where refused.status = 'failed' and refused.is_latest and refused.error_code = 'host_not_allowed'
      and refused.next_check_at is null and refused.expires_at > archiver.clock()
    order by refused.track_id for update
  ) as locked where j.id = locked.id;
  with woken as (
    update public.track_archiving_files as f set error_code = null, refused_at = null
    from (
      select refused.track_id, refused.kind from public.track_archiving_files as refused
      where refused.error_code = 'host_not_allowed' and refused.expires_at > archiver.clock()
      order by refused.track_id, refused.kind for update
    ) as locked
    where f.track_id = locked.track_id and f.kind = locked.kind
    returning f.track_id
  )
  select array_agg(distinct t.id) into _archived from woken as w
  join public.tracks as t on t.id = w.track_id and t.status = 'completed' and t.archived_to_storage;
  perform from archiver.open_jobs(_archived); -- for a cover or video that a saved song lacks
  return null;
end $$;
create or replace trigger track_archiving_500_wake after insert or update or delete on public.track_archiving_policies
  for each statement execute function archiver.wake_refused();
