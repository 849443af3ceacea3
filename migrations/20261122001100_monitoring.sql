-- Why: what an operator asks: the spec's worklist, statistics and manual marking, and how a track stands. And the walk over the
--   tracks that an app had before. For the service alone.
-- Lock: public.tracks share, where the index is built here, which is only in a table under 64 MB (writes wait well under a
--   second, reads do not). A larger one is left to `create index concurrently`.
-- Again: functions and the view are replaced.
set local lock_timeout = '500ms';

do $$ begin
  if to_regclass('public.tracks_archiving_worklist') is not null then return; end if;
  if pg_relation_size('public.tracks') < 64 * 1024 * 1024 then
    create index tracks_archiving_worklist on public.tracks (archive_scheduled_at, created_at) include (id)
      where status = 'completed' and archived_to_storage is not true;
  else
    raise notice 'public.tracks is large; when convenient, run: create index concurrently if not exists tracks_archiving_worklist on public.tracks (archive_scheduled_at, created_at) include (id) where status = ''completed'' and archived_to_storage is not true;';
  end if;
end $$;

-- Due, not archived, in nobody's hands and not given up; the most urgent first, the expired last. What had expired before the
-- installation has no job and is left alone.
create or replace function public.get_tracks_needing_archiving(_limit integer default 50)
returns table (track_id uuid, user_id uuid, title text, provider text,
  audio_url text, cover_url text, video_url text, created_at timestamptz,
  archive_scheduled_at timestamptz, expires_at timestamptz, days_until_expiry numeric)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with waiting as (
    (select j.track_id, j.expires_at, false as expired from public.track_archiving_jobs as j
      where j.status in ('pending', 'processing') and j.is_latest and not j.renews
        and j.expires_at > (select archiver.clock()) and j.due_at <= (select archiver.clock())
        and (j.status = 'pending' or j.lease_expires_at <= (select archiver.clock()))
      order by j.expires_at, j.track_id limit greatest(_limit, 0))
    union all
    (select j.track_id, j.expires_at, true from public.track_archiving_jobs as j
      where j.status in ('pending', 'processing') and j.is_latest and not j.renews
        and j.expires_at <= (select archiver.clock())
        and (j.status = 'pending' or j.lease_expires_at <= (select archiver.clock()))
      order by j.expires_at, j.track_id limit greatest(_limit, 0))
  )
  select t.id, t.user_id, left(t.title, 500), left(t.provider::text, 100), left(t.audio_url, 8192), left(t.cover_url, 8192),
    left(t.video_url, 8192), t.created_at, t.archive_scheduled_at, w.expires_at,
    round(extract(epoch from w.expires_at - (select archiver.clock())) / 86400, 6)
  from waiting as w
  join public.tracks as t on t.id = w.track_id and t.status = 'completed' and t.archived_to_storage is not true
  order by w.expired, w.expires_at, t.id
  limit greatest(_limit, 0)
$$;

-- For files that a person uploaded. The job says so, and a worker that holds the track loses it. False: there is no such track.
create or replace function public.mark_track_archived(
  _track_id uuid, _storage_audio_url text, _storage_cover_url text default null, _storage_video_url text default null)
returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _track public.tracks; _job public.track_archiving_jobs;
begin
  if coalesce(btrim(_storage_audio_url), '') = '' then
    raise exception 'a track is archived only with its audio' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then return false; end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if not found then
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  perform archiver.snapshot_sources(_track, _job.due_at, _job.expires_at);
  select _storage_audio_url, _storage_cover_url, _storage_video_url
  into _track.storage_audio_url, _track.storage_cover_url, _track.storage_video_url;
  perform archiver.record_copy(_track_id, given.kind, given.url, given.stored)
  from archiver.files_of(_track) as given where given.stored is not null;
  perform archiver.archive_track(_track, _job.id);
  update public.track_archiving_jobs as j
  set claimed_by = 'mark_track_archived', metadata = (j.metadata - 'assets') || '{"manual": true}' where j.id = _job.id;
  return true;
end $$;

-- Makes the counted sums exact, with one look at all tracks in one snapshot.
create or replace function archiver.recount_tracks() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into archiver.track_counts (archived, waiting)
  select counted.archived - coalesce(sums.archived, 0), counted.waiting - coalesce(sums.waiting, 0)
  from (
    select count(*) filter (where t.archived_to_storage) as archived,
      count(*) filter (where t.status = 'completed' and t.archived_to_storage is not true) as waiting
    from public.tracks as t) as counted
  cross join (select sum(c.archived) as archived, sum(c.waiting) as waiting from archiver.track_counts as c) as sums;
  update public.track_archiving_settings set counted_at = archiver.clock();
end $$;

-- Archived and waiting tracks are counted as statements change them (archiver.track_counts), null until they were counted once;
-- pending are the waiting ones that have a job and have not expired, urgent those of them with less than two days. The
-- percentage is of all that can be archived; of nothing it is null. files_lost: what Storage lost of them, ever.
drop view if exists public.archive_statistics;
create view public.archive_statistics with (security_invoker = true) as
select
  sums.archived as total_archived,
  jobs.pending as pending_archive,
  jobs.urgent as urgent_archive_needed,
  greatest(sums.waiting - jobs.pending, 0) as expired_tracks,
  round(100.0 * sums.archived / nullif(sums.archived + greatest(sums.waiting, jobs.pending), 0), 1) as archive_percentage,
  settings.files_lost
from public.track_archiving_settings as settings
left join lateral (
  select sum(c.archived)::bigint as archived, sum(c.waiting)::bigint as waiting from archiver.track_counts as c
) as sums on settings.counted_at is not null
cross join lateral (
  select count(*) as pending,
    count(*) filter (where j.expires_at < (select archiver.clock()) + interval '2 days') as urgent
  from public.track_archiving_jobs as j
  where j.status <> 'completed' and j.is_latest and not j.renews and j.expires_at > (select archiver.clock())
) as jobs;

-- One row for each id asked for, once; only found and checked_at of a track that does not exist.
create or replace function public.get_archiving_states(_track_ids uuid[])
returns table (track_id uuid, found boolean, title text, status text, archived_to_storage boolean,
  archived_at timestamptz, expires_at timestamptz,
  job_status text, error_code text, error_message text, job_updated_at timestamptz, job_created_at timestamptz,
  job_renews boolean, checked_at timestamptz)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select asked.id, t.id is not null, left(t.title, 500), left(t.status::text, 100), t.archived_to_storage is true,
    t.archived_at, timing.expires_at,
    latest.status, latest.error_code, latest.error_message, latest.updated_at, latest.created_at, latest.renews,
    archiver.clock()
  from (select distinct unnest(_track_ids) as id) as asked
  left join public.tracks as t on t.id = asked.id
  left join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    on t.id is not null
  left join lateral (
    select j.status, j.error_code, j.error_message, j.updated_at, j.created_at, j.renews
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
$$;

-- Walks over so many tracks that an app had before, in the order of their ids; answers how many it looked at, 0 at the end.
-- Those that may still be saved get their date and their job; of those that the legacy system marked as archived, what Storage
-- has not is opened again while its provider may have it, and noted as lost otherwise.
create or replace function public.adopt_tracks(_limit integer, out looked integer, out opened integer, out lost integer)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _after uuid; _page uuid[]; _open uuid[];
begin
  select s.adopted_up_to into _after from public.track_archiving_settings as s for update;
  select 0, 0, 0 into looked, opened, lost;
  if _after is null then return; end if;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(select t.id from public.tracks as t where t.id > _after order by t.id limit greatest(_limit, 1));
  looked := cardinality(_page);
  with hollow as (
    select t.id, timing.expires_at > archiver.clock() as may_be_saved, t.audio_url
    from public.tracks as t
    cross join lateral archiver.object_of(t.storage_audio_url) as object
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_page) and t.archived_to_storage is true
      and (object.object_name is not null and archiver.stored_bytes(object.bucket_id, object.object_name) is null
        or coalesce(btrim(t.storage_audio_url), '') = '')
      and not exists (select from public.track_archiving_files as f where f.track_id = t.id)
  ), noted as (
    insert into public.track_archiving_files (track_id, kind, source_url, error_code, refused_at)
    select h.id, 'audio', nullif(btrim(h.audio_url), ''), 'storage_lost', archiver.clock()
    from hollow as h where not h.may_be_saved
    on conflict (track_id, kind) do nothing
    returning track_id
  ), reopened as (
    update public.tracks as t
    set archived_to_storage = false, archived_at = null, storage_audio_url = null
    from hollow as h where t.id = h.id and (h.may_be_saved or coalesce(btrim(t.storage_audio_url), '') = '')
    returning t.id
  ) select count(*) into lost from noted;
  _open := array(
    select t.id from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_page) and t.status = 'completed' and t.archived_to_storage is not true
      and timing.expires_at > archiver.clock()
      and not exists (select from public.track_archiving_jobs as j
        where j.track_id = t.id and j.is_latest and j.status <> 'completed' and j.error_code is distinct from 'legacy_system'));
  update public.tracks as t set archive_scheduled_at = timing.due_at
  from public.tracks as same
  cross join lateral archiver.track_timing(same.provider::text, same.created_at, same.metadata) as timing
  where t.id = any (_open) and same.id = t.id and t.archive_scheduled_at is distinct from timing.due_at;
  perform from archiver.open_jobs(_open);
  opened := cardinality(_open);
  update public.track_archiving_settings set adopted_up_to = case when looked >= greatest(_limit, 1) then _page[looked] end, files_lost = files_lost + lost;
end $$;

-- Nobody but the service reaches what is ours.
do $$ declare _function regprocedure;
begin
  for _function in
    select p.oid::regprocedure from pg_catalog.pg_proc as p
    where p.pronamespace = 'archiver'::regnamespace
      or p.pronamespace = 'public'::regnamespace and p.proname in ('schedule_track_archiving',
        'plan_track_archiving', 'confirm_track_schedule', 'claim_track_archiving', 'store_track_asset',
        'release_track_archiving', 'complete_track_archiving', 'fail_track_archiving', 'close_track_archiving',
        'archive_without_optional', 'check_track_notifications', 'take_stalled_tracks', 'open_missing_jobs', 'refresh_deadlines', 'audit_stored_files',
        'get_removable_objects', 'forget_leftover', 'get_archiving_backlog', 'compact_track_counts',
        'get_tracks_needing_archiving', 'mark_track_archived', 'get_archiving_states', 'adopt_tracks')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', _function);
    if (select prorettype from pg_catalog.pg_proc where oid = _function) <> 'trigger'::regtype then
      execute format('grant execute on function %s to service_role', _function);
    end if;
  end loop;
  revoke all on public.archive_statistics from public, anon, authenticated;
  grant select on public.archive_statistics to service_role;
  revoke all on archiver.track_counts from public, anon, authenticated;
  grant select, insert, delete on archiver.track_counts to service_role;
  -- A small table is counted and walked over here; a larger one is by `npm run connect` or the sweep, page by page: this
  -- transaction's locks would keep the app waiting for all of it.
  if pg_relation_size('public.tracks') < 64 * 1024 * 1024
    and exists (select from public.track_archiving_settings where counted_at is null) then
    perform archiver.recount_tracks();
    perform public.adopt_tracks(2000) from public.track_archiving_settings as s
    where s.adopted_up_to = '00000000-0000-0000-0000-000000000000'; -- applied again, the walk is not ours to go on with
  end if;
end $$;
