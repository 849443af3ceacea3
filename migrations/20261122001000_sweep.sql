-- Why: what the sweep does every hour: it takes the jobs whose clock hand has passed, finds tracks that have no job and stored
--   files that Storage has no more, follows changed policies, and removes leftovers. Each step is bounded.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '500ms';

-- Takes jobs whose clock hand has passed, fairly round their owners, then by urgency, the expired last; a job that was taken is
-- looked at again in fifteen minutes unless something moved it. At most _room of them go onto the queue, and no owner gets more
-- than half of what is in flight, or fifty, while others wait; what is beyond waits. Jobs that somebody has locked are passed
-- over, so two sweeps at once take each job once, and neither waits. close: nothing is left to try, say so: the deadline has
-- passed and the present sources were asked for once, or workers crash. archive: the same, but the audio is stored. dispatch:
-- onto the queue. schedule: to be planned, for it is not due yet, or not to be archived any more. Whoever acts on it decides
-- again, with the row of tracks locked. Planned with the limits at each call: what it knows nothing of, the planner takes for a
-- tenth of all jobs, and reads them all. _window: jobs looked at, unless they are those of fewer owners than a page has places.
create or replace function public.take_stalled_tracks(
  _limit integer, _room integer, _max_crashes integer, _window integer default 20000)
returns table (track_id uuid, expires_at timestamptz, action text, cause text)
language plpgsql set search_path = pg_catalog, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
begin
  return query with oldest as materialized (
    select j.id, j.user_id, j.due_at, j.expires_at
    from public.track_archiving_jobs as j
    where j.next_check_at <= (select archiver.clock())
    order by j.next_check_at
    limit _window
  ), crowded as materialized (
    select count(*) >= _window and count(distinct o.user_id) < _limit as is_true from oldest as o
  ), passed as (
    select o.* from oldest as o where not (select c.is_true from crowded as c)
    union all
    select j.id, j.user_id, j.due_at, j.expires_at from public.track_archiving_jobs as j
    where j.next_check_at <= (select archiver.clock()) and (select c.is_true from crowded as c)
  ), in_flight as materialized (
    select j.user_id, count(*) as number from public.track_archiving_jobs as j
    where j.status in ('pending', 'processing') and j.queued_at is not null and j.next_check_at > (select archiver.clock())
    group by j.user_id
  ), turns as (
    select p.id, p.expires_at, late.has_expired, late.needs_room,
      case when late.needs_room then coalesce(f.number, 0) else 0 end
        + row_number() over (partition by p.user_id, late.needs_room order by p.expires_at, p.id) as turn
    from passed as p
    cross join lateral (select p.expires_at <= (select archiver.clock()) as has_expired,
      p.due_at <= (select archiver.clock()) and p.expires_at > (select archiver.clock()) as needs_room) as late
    left join in_flight as f on f.user_id = p.user_id
  ), places as (
    select t.*, row_number() over (partition by t.needs_room order by t.turn, t.has_expired, t.expires_at, t.id) as place
    from turns as t
    where not t.needs_room
      or (select count(distinct p.user_id) = 1 from passed as p)
      or t.turn <= (select greatest(50, (_room + coalesce(sum(f.number), 0)) / 2) from in_flight as f)
  ), page as materialized (
    select p.id, row_number() over (order by p.place, p.has_expired, p.expires_at, p.id) as place
    from places as p
    where not p.needs_room or p.place <= _room
    order by p.place, p.has_expired, p.expires_at, p.id
    limit greatest(_limit, 0)
  ), locked as materialized (
    select page.place, j as job
    from page
    join public.track_archiving_jobs as j on j.id = page.id and j.next_check_at <= (select archiver.clock())
    order by page.place
    for update of j skip locked
  ), seen as (
    select l.place, l.job, timing.expires_at,
      is_now.wanted and not is_now.superseded and is_now.crashes as crashed,
      is_now.wanted and not is_now.superseded and (l.job).started_at is not null
        and archiver.tried_until(due.at, timing.expires_at) <= (select archiver.clock()) as expired,
      is_now.wanted and due.at <= (select archiver.clock()) as due
    from locked as l
    join public.tracks as t on t.id = (l.job).track_id
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as at) as due
    cross join lateral (select archiver.is_superseded(l.job, t) as superseded,
      (l.job).status = 'processing' and (l.job).crash_count + 1 >= _max_crashes as crashes,
      t.status is not distinct from 'completed' and t.user_id is not null
        and (t.archived_to_storage is not true or (l.job).renews) as wanted) as is_now
  ), counted as (
    select s.*, count(*) filter (where s.due and not (s.crashed or s.expired)) over (order by s.place) as dispatched
    from seen as s
  ), taken as (
    update public.track_archiving_jobs as j
    set next_check_at = archiver.clock() + interval '15 minutes'
    from counted as c
    where j.id = (c.job).id and (c.crashed or c.expired or not c.due or c.dispatched <= _room)
    returning j.id
  )
  select (c.job).track_id, c.expires_at,
    case when c.crashed or c.expired then case when archiver.is_audio_stored((c.job).track_id) then 'archive' else 'close' end
      when c.due then 'dispatch' else 'schedule' end,
    case when c.crashed then 'workers_crashed' when c.expired then 'expired'
      when (c.job).status = 'processing' then 'lease_expired'
      when (c.job).status = 'failed' then 'failed_before'
      when (c.job).requested and (c.job).queued_at is null then 'requested'
      when (c.job).queued_at is not null then 'message_stalled'
      when (c.job).scheduled_for is not null then 'schedule_stalled'
      else 'unplanned' end
  from counted as c join taken on taken.id = (c.job).id order by c.place;
end $$;

-- Completed tracks that may be saved and have no job, or one that their sources have left behind: what a statement left out, or
-- an app had before. Opens so many jobs, the most urgent first; none is told by webhook. Rows without a date are found by their
-- age.
create or replace function public.open_missing_jobs(_limit integer) returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _longest interval; _widest interval; _found uuid[];
begin
  select max(p.retention) + interval '1 day', max(p.retention - p.archive_after) + interval '1 day'
  into _longest, _widest from public.track_archiving_policies as p;
  perform set_config('archiver.suppressed', 'yes', true);
  _found := array(
    with without as materialized ( -- two looks at one index, and at no row of what has its job
      select t.id from public.tracks as t
      where t.status = 'completed' and t.archived_to_storage is not true
        and t.archive_scheduled_at is null and t.created_at > archiver.clock() - _longest
        and not exists (select from public.track_archiving_jobs as j
          where j.track_id = t.id and j.status in ('pending', 'processing'))
      union all
      select t.id from public.tracks as t
      where t.status = 'completed' and t.archived_to_storage is not true
        and t.archive_scheduled_at between archiver.clock() - _widest and archiver.clock() + interval '2 hours'
        and not exists (select from public.track_archiving_jobs as j
          where j.track_id = t.id and j.status in ('pending', 'processing'))
    )
    select t.id from public.tracks as t
    where t.id in (select w.id from without as w) and t.status = 'completed' and t.archived_to_storage is not true
      and not exists (select from public.track_archiving_jobs as j where j.track_id = t.id
        and (j.status in ('pending', 'processing') or j.is_latest and archiver.has_failed(j, t)))
      and exists (select from archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
        where timing.expires_at > archiver.clock())
    order by t.archive_scheduled_at, t.created_at
    limit greatest(_limit, 0)
    for no key update of t skip locked);
  update public.tracks as t set archive_scheduled_at = timing.due_at
  from public.tracks as same
  cross join lateral archiver.track_timing(same.provider::text, same.created_at, same.metadata) as timing
  where t.id = any (_found) and t.archive_scheduled_at is null and same.id = t.id;
  perform from archiver.open_jobs(_found);
  return cardinality(_found);
end $$;

-- Gives so many waiting jobs the deadline that their policy has now, after a policy has changed. A date moves to an earlier
-- one, never to a later one. Answers how many it has done with; fewer than the limit: all, or all but those from a track on
-- that is in another's hands, where the next sweep goes on.
create or replace function public.refresh_deadlines(_limit integer) returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _after uuid; _page uuid[]; _locked uuid[]; _done integer;
begin
  select s.deadlines_after into _after from public.track_archiving_settings as s for update;
  if _after is null then return 0; end if;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select j.track_id from public.track_archiving_jobs as j
    where j.next_check_at is not null and j.track_id > _after order by j.track_id limit greatest(_limit, 1));
  _locked := array(select t.id from public.tracks as t where t.id = any (_page) order by t.id for no key update skip locked);
  with now_due as materialized (
    select t.id, least(t.archive_scheduled_at, timing.due_at) as due_at, timing.expires_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_locked)
  ), dated as (
    update public.tracks as t set archive_scheduled_at = n.due_at
    from now_due as n where t.id = n.id and t.archive_scheduled_at is distinct from n.due_at
  )
  update public.track_archiving_jobs as j
  set due_at = n.due_at, expires_at = n.expires_at,
    next_check_at = least(j.next_check_at, case
      when j.status = 'failed' then archiver.retry_at(n.due_at, n.expires_at)
      when j.status = 'pending' and n.due_at < j.due_at then archiver.clock()
      when j.status = 'pending' and j.queued_at is not null then archiver.check_after_message(n.expires_at) end)
  from now_due as n
  where j.track_id = n.id and j.next_check_at is not null
    and (j.due_at, j.expires_at) is distinct from (n.due_at, n.expires_at);
  _done := coalesce((select min(p.place) - 1 from unnest(_page) with ordinality as p (id, place)
    where p.id <> all (_locked)), cardinality(_page));
  update public.track_archiving_settings
  set deadlines_after = case
    when _done < cardinality(_page) then coalesce(_page[_done], _after) when _done >= greatest(_limit, 1) then _page[_done] end;
  return _done;
end $$;

-- Looks whether Storage still has so many recorded files, in turn; answers how many were looked at and how many it has lost,
-- and begins anew after the last. What is lost is copied again while its provider has it; its track is no longer archived. What
-- is in another's hands is left for the next turn: a worker's completion looks for itself.
create or replace function public.audit_stored_files(_limit integer, out looked integer, out lost integer)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _after uuid; _page uuid[]; _locked uuid[]; _lost uuid[];
begin
  select s.audited_up_to into _after from public.track_archiving_settings as s for update;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select distinct f.track_id from public.track_archiving_files as f
    where f.track_id > _after order by f.track_id limit greatest(_limit, 1));
  _locked := array(
    select t.id from public.tracks as t
    where t.id = any (_page) and t.id <> all (array(select j.track_id from public.track_archiving_jobs as j
      where j.track_id = any (_page) and j.status = 'processing' and j.lease_expires_at > archiver.clock()))
    order by t.id for no key update skip locked);
  _lost := array(select archiver.forget_lost_copies(_locked));
  perform archiver.show_files(found.id, null) from unnest(_lost) as found (id);
  update public.tracks as t set archived_to_storage = false, archived_at = null, archive_scheduled_at = archiver.clock()
  where t.id = any (_lost) and t.archived_to_storage is true and t.status = 'completed';
  update public.track_archiving_jobs as j set renews = false where j.track_id = any (_lost) and j.renews and j.is_latest;
  perform from archiver.open_jobs(_lost);
  looked := cardinality(_page);
  lost := cardinality(_lost);
  update public.track_archiving_settings
  set audited_up_to = case when looked >= greatest(_limit, 1) then _page[looked]
    else '00000000-0000-0000-0000-000000000000' end, files_lost = files_lost + lost;
end $$;

-- Leftovers to remove: of replaced copies at once, of deleted tracks after the days of the setting. No track names them now;
-- each is to be asked about by its name right before its removal, for its track may have come back. Planned at each call: with
-- a name it is one row, and no row of the others is read.
create or replace function public.get_removable_objects(
  _limit integer, _bucket_id text default null, _object_name text default null)
returns table (bucket_id text, object_name text)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare _until timestamptz := (
  select archiver.clock() - make_interval(days => s.remove_deleted_after_days) from public.track_archiving_settings as s);
begin
  return query
  select l.bucket_id, l.object_name
  from ( -- each in the order of its index, so that a page reads a page
    (select * from public.track_archiving_leftovers as replaced where replaced.reason = 'replaced' order by replaced.since)
    union all
    (select * from public.track_archiving_leftovers as deleted where deleted.reason = 'deleted' and deleted.since <= _until
    order by deleted.since)
  ) as l
  where (_object_name is null or (l.bucket_id, l.object_name) = (_bucket_id, _object_name))
    and not exists (
      select from public.tracks as t
      where t.id = substring(l.object_name from '([0-9a-f-]{36})\.[a-z0-9]+$')::uuid and (
        l.reason = 'deleted'
        or position('/' || l.object_name in concat_ws(' ', t.storage_audio_url, t.storage_cover_url, t.storage_video_url)) > 0))
    and not exists (
      select from public.track_archiving_files as f
      where f.object_name is not null and not archiver.is_own_object(f.track_id, f.bucket_id, f.object_name)
        and (f.bucket_id, f.object_name) = (l.bucket_id, l.object_name))
  order by l.since limit greatest(_limit, 0);
end $$;

create or replace function public.forget_leftover(_bucket_id text, _object_name text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  delete from public.track_archiving_leftovers as l where l.bucket_id = _bucket_id and l.object_name = _object_name
$$;

-- Levels for alarms. overdue: should be archived by now and may still be, with an hour's grace, or a quarter of the time until
-- the expiry. near_expiry: overdue or failed, and expires within two days. files_lost: objects that Storage lost, ever.
create or replace function public.get_archiving_backlog()
returns table (overdue bigint, near_expiry bigint, files_lost bigint, leftovers bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select
    count(*) filter (where j.status <> 'failed'),
    count(*) filter (where j.expires_at - (select archiver.clock()) < interval '2 days'),
    (select s.files_lost from public.track_archiving_settings as s),
    (select count(*) from public.track_archiving_leftovers as l where l.reason = 'deleted')
  from public.track_archiving_jobs as j
  where j.status <> 'completed' and j.is_latest and not j.renews
    and j.due_at between (select archiver.clock()) - interval '30 days' and (select archiver.clock())
    and j.expires_at > (select archiver.clock())
    and j.due_at + least(interval '1 hour', (j.expires_at - j.due_at) / 4) <= (select archiver.clock())
$$;

-- Adds up the counted changes, so that statistics read one row.
create or replace function public.compact_track_counts() returns void
language sql set search_path = pg_catalog, pg_temp as $$
  with taken as (delete from archiver.track_counts returning archived, waiting)
  insert into archiver.track_counts (archived, waiting) select coalesce(sum(archived), 0), coalesce(sum(waiting), 0) from taken
$$;
