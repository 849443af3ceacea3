-- Why: a job ends by one call that changes the track and the job in one transaction, or not at all.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- completed, lease_lost, or superseded: the sources changed meanwhile, the job is pending again and
-- keeps what is stored of those that did not. Raises where an asset is neither stored nor gone.
create or replace function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) returns text
language plpgsql set search_path = ''
as $$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _missing text;
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

-- Failed for good. What could be saved is shown by the track; its owner is told, once for the same sources. If the sources changed
-- meanwhile it is only this attempt that failed: the track becomes due at once, which its webhook
-- announces, and nobody is told. False: the lease is lost.
create or replace function public.fail_track_archiving(
  _job_id uuid, _fencing_token bigint, _error_code text, _error_message text)
returns boolean
language plpgsql set search_path = ''
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

revoke all on function public.complete_track_archiving(uuid, bigint) from public, anon, authenticated;
revoke all on function public.fail_track_archiving(uuid, bigint, text, text) from public, anon, authenticated;
grant execute on function public.complete_track_archiving(uuid, bigint) to service_role;
grant execute on function public.fail_track_archiving(uuid, bigint, text, text) to service_role;
