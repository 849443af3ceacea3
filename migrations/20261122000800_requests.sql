-- Why: an owner may ask for a track to be archived now, by inserting a job.
-- Lock: public.track_archiving_jobs share row exclusive, milliseconds: catalogue only.
-- Again: functions and triggers are replaced.
set local lock_timeout = '3s';

-- Whether a user asks or the service plans is told by the role of the statement, so before anything
-- that runs as somebody else. `usage`, not `member`: the authenticator is a member of all, inherits nothing.
create or replace function archiver.mark_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.requested := not (pg_has_role(current_user, 'service_role', 'usage')
    or pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage'));
  return new;
end
$$;

-- A request makes the track due at once; the webhook of the due date then brings it on its way. A job that only waits
-- makes room for the requested one. The policy looks at the track as it was when the statement began: a request that
-- waited here while the track was archived is refused by us, with the same error.
create or replace function archiver.accept_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  _track public.tracks;
  _latest public.track_archiving_jobs;
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
    and not archiver.is_superseded(_latest, _track)
  then
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
end
$$;

create or replace trigger track_archiving_100_mark_request before insert on public.track_archiving_jobs
  for each row execute function archiver.mark_request();
create or replace trigger track_archiving_200_accept_request before insert on public.track_archiving_jobs
  for each row when (new.requested) execute function archiver.accept_request();
