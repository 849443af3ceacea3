-- Why: a sweep that dies between failing an expired track and writing its dead letter left none behind. Now the
--   expiry counts as said only after the dead letter; until then the next sweep finds the track again.
-- Lock: public.track_archiving_jobs access exclusive, milliseconds: catalogue only.
-- Again: the column is there; the function is replaced.
set local lock_timeout = '3s';

alter table public.track_archiving_jobs add column if not exists buried_at timestamptz;
comment on column public.track_archiving_jobs.buried_at is
  'When the dead letter was written of a job that the sweep failed.';

drop function if exists public.close_track_archiving(uuid, text, text);

-- Nothing is left to try: the track's job fails, its owner is told, what could be saved is shown. To be asked twice,
-- the second time as _buried. closed: it failed just now, or by the sweep before: its dead letter is owed. expired: its
-- deadline has passed, which is said of each track once. ignored: somebody was faster, or nothing else is to be said.
create or replace function public.close_track_archiving(
  _track_id uuid, _error_code text, _error_message text, _buried boolean)
returns text
language plpgsql set search_path = ''
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
  if _job.error_code in ('expired', 'worker_crashed') and _job.buried_at is null then
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

revoke all on function public.close_track_archiving(uuid, text, text, boolean) from public, anon, authenticated;
grant execute on function public.close_track_archiving(uuid, text, text, boolean) to service_role;
