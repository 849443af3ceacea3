-- Why: a track that could not be saved ends by one call, and its owner is told. An app that has notifications keeps its
--   own table as it is; if our row does not fit there, that is recorded in the job and fails nothing.
-- Lock: none on tables of the app but rows. The order everywhere: the row of tracks first, then its job.
-- Again: the table is kept; functions are replaced.
set local lock_timeout = '3s';

do $$
begin
  if to_regclass('public.notifications') is not null then
    return;
  end if;
  create table public.notifications (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    type text not null check (type in ('info', 'success', 'warning', 'error')),
    title text not null,
    message text not null,
    link text,
    read boolean not null default false,
    created_at timestamptz not null default now()
  );
  create index notifications_user on public.notifications (user_id, created_at desc);

  alter table public.notifications enable row level security;
  revoke all on public.notifications from public, anon, authenticated;
  grant select, delete, update (read) on public.notifications to authenticated;
  grant all on public.notifications to service_role;
  create policy "Users can read own notifications" on public.notifications
    for select to authenticated using (user_id = (select auth.uid()));
  create policy "Users can mark own notifications" on public.notifications
    for update to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
  create policy "Users can delete own notifications" on public.notifications
    for delete to authenticated using (user_id = (select auth.uid()));
end
$$;

grant insert on public.notifications to service_role;

-- Returns why the owner could not be told, or null. Waits for nobody's lock for long: it runs inside
-- the transaction that records the failure.
create or replace function archiver.notify_owner(_user_id uuid, _track_id uuid, _title text) returns text
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '1s'
as $$
declare
  _language text := (select language from public.track_archiving_settings);
begin
  insert into public.notifications (user_id, type, title, message, link)
  values (
    _user_id,
    'warning',
    case _language when 'en' then 'Track could not be archived' else 'Не удалось архивировать трек' end,
    format(
      case _language
        when 'en' then 'Track "%s" was not saved. It may become unavailable.'
        else 'Трек "%s" не был сохранен. Он может стать недоступен.'
      end, _title),
    '/workspace/library?track=' || _track_id
  );
  return null;
exception when others then
  return sqlerrm;
end
$$;

-- Failed for good. What could be saved is shown by the track; its owner is told, once for the same sources. If the sources changed
-- meanwhile it is only this attempt that failed: the track becomes due at once, which its webhook
-- announces, and nobody is told. False: the lease is lost.
create or replace function public.fail_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _superseded boolean;
  _told boolean;
  _untold text;
begin
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return false;
  end if;

  _superseded := archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url);
  if _superseded then
    update public.tracks set archive_scheduled_at = archiver.clock()
    where id = _track.id and status = 'completed';
  else
    update public.tracks
    set storage_audio_url = coalesce(_job.storage_audio_url, storage_audio_url),
      storage_cover_url = coalesce(_job.storage_cover_url, storage_cover_url),
      storage_video_url = coalesce(_job.storage_video_url, storage_video_url)
    where id = _track.id
      and coalesce(_job.storage_audio_url, _job.storage_cover_url, _job.storage_video_url) is not null;
    _told := exists (
      select from public.track_archiving_jobs as j
      where j.track_id = _track.id and j.status = 'failed' and j.error_code <> 'replaced_system'
        and not j.metadata ? 'notification_error'
        and not archiver.is_superseded(j, _track.audio_url, _track.cover_url, _track.video_url));
    if not _told then
      _untold := archiver.notify_owner(_track.user_id, _track.id, _track.title);
    end if;
  end if;

  update public.track_archiving_jobs
  set status = 'failed', lease_expires_at = null,
    error_code = coalesce(_error_code, 'internal'), error_message = left(_error_message, 2000),
    metadata = case when _untold is null then metadata
      else metadata || jsonb_build_object('notification_error', _untold) end,
    updated_at = archiver.clock()
  where id = _job_id;
  return true;
end
$$;

-- Nothing is left to try: the track's job fails, its owner is told, what could be saved is shown. To be asked twice,
-- the second time as _buried. closed: it failed just now, or by the sweep before: its dead letter is owed. expired: its
-- deadline has passed, which is said of each track once. ignored: somebody was faster, or nothing else is to be said.
create or replace function public.close_track_archiving(
  _track_id uuid, _error_code text, _error_message text, _buried boolean)
returns text
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _expired boolean;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true then
    return 'ignored';
  end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id order by j.created_at desc limit 1 for update;

  if _job.status = 'pending' or _job.status = 'processing' and _job.lease_expires_at <= archiver.clock() then
    -- The track changed since it was listed: nobody has asked for what it names now.
    if _job.started_at is null or archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url) then
      return 'ignored';
    end if;
    update public.track_archiving_jobs
    set status = 'processing', fencing_token = nextval('archiver.fencing_tokens'),
      lease_expires_at = archiver.clock()
    where id = _job.id returning fencing_token into _job.fencing_token;
    perform public.fail_track_archiving(_job.id, _job.fencing_token, _error_code, concat_ws(
      '. Before: ', _error_message, _job.error_code || ': ' || coalesce(_job.error_message, '')));
    return 'closed';
  end if;

  select timing.expires_at <= archiver.clock() into _expired
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _job.status is distinct from 'failed' or _job.expired_at is not null then
    return 'ignored';
  end if;
  -- Any other failure wrote its dead letter when it happened.
  if _job.error_code in ('expired', 'worker_lost') and _job.buried_at is null then
    if not _buried then
      return case when _expired then 'closed' else 'ignored' end;
    end if;
    update public.track_archiving_jobs set buried_at = archiver.clock() where id = _job.id;
  end if;
  if not _expired then
    return 'ignored';
  end if;
  update public.track_archiving_jobs set expired_at = archiver.clock() where id = _job.id;
  return 'expired';
end
$$;

revoke all on function archiver.notify_owner(uuid, uuid, text) from public, anon, authenticated;
revoke all on function public.fail_track_archiving(uuid, bigint, text, text) from public, anon, authenticated;
revoke all on function public.close_track_archiving(uuid, text, text, boolean) from public, anon, authenticated;
grant execute on function archiver.notify_owner(uuid, uuid, text) to service_role;
grant execute on function public.fail_track_archiving(uuid, bigint, text, text) to service_role;
grant execute on function public.close_track_archiving(uuid, text, text, boolean) to service_role;
