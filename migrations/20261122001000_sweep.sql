-- Why: what the sweep does every hour: it takes the jobs whose clock hand has passed, finds tracks that have no job and stored
--   files that Storage has no more, follows changed policies, and removes leftovers. Each step is bounded.
-- Lock: none beyond rows. The order everywhere: the row of tracks first, then its job.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- Takes jobs whose clock hand has passed, fairly round their owners, then by urgency; a job that was taken is looked at again
-- in fifteen minutes unless something moved it. At most _room of them go onto the queue; no owner has more than its
-- share of them, and what is beyond waits. close: nothing is left to try, say so: the deadline has passed and the present
-- sources were asked for once, or workers crash. dispatch: onto the queue. schedule: it is not due yet.
create or replace function public.take_stalled_tracks(_limit integer, _room integer, _max_crashes integer)
returns table (track_id uuid, expires_at timestamptz, action text, cause text)
language sql set search_path = pg_catalog, pg_temp
as $$
  with passed as materialized (
    select j.track_id, j.user_id, j.expires_at
    from public.track_archiving_jobs as j
    where j.next_check_at <= (select archiver.clock())
    order by j.next_check_at
    limit 50000
  ), turns as (
    select p.*, row_number() over (partition by p.user_id order by p.expires_at, p.track_id) as turn from passed as p
  ), page as materialized (
    select p.track_id, row_number() over (order by p.turn, p.expires_at, p.track_id) as place
    from turns as p
    order by p.turn, p.expires_at, p.track_id
    limit greatest(_limit, 0)
  ), seen as (
    select page.place, j.id, j.track_id, j.expires_at,
      case
        when j.status = 'processing' and j.crash_count + 1 >= _max_crashes and not changed.superseded then 'close'
        when j.expires_at <= (select archiver.clock()) and j.started_at is not null and not changed.superseded then 'close'
        when j.due_at <= (select archiver.clock()) then 'dispatch'
        else 'schedule'
      end as action,
      case
        when j.status = 'processing' and j.crash_count + 1 >= _max_crashes and not changed.superseded then 'workers_crashed'
        when j.expires_at <= (select archiver.clock()) and j.started_at is not null and not changed.superseded then 'expired'
        when j.status = 'processing' then 'lease_expired'
        when j.status = 'failed' then 'failed_before'
        when j.requested and j.queued_at is null then 'requested'
        when j.queued_at is not null then 'message_stalled'
        when j.scheduled_for is not null then 'schedule_stalled'
        else 'unplanned'
      end as cause
    from page
    join public.tracks as t on t.id = page.track_id
    join public.track_archiving_jobs as j on j.track_id = page.track_id
      and j.next_check_at <= (select archiver.clock()) and j.is_latest
    cross join lateral (select archiver.is_superseded(j, t) as superseded) as changed
  ), counted as (
    select s.*, count(*) filter (where s.action = 'dispatch') over (order by s.place) as dispatched from seen as s
  ), taken as (
    update public.track_archiving_jobs as j
    set next_check_at = archiver.clock() + interval '15 minutes'
    from counted as c
    where j.id = c.id and (c.action <> 'dispatch' or c.dispatched <= _room)
    returning j.id
  )
  select c.track_id, c.expires_at, c.action, c.cause
  from counted as c join taken on taken.id = c.id
  order by c.place
$$;

-- Completed tracks that may be saved and have no job: what a statement left out, or an app had before. Opens so many jobs, the
-- most urgent first; none is told by webhook. Rows without a date are found by their age.
create or replace function public.open_missing_jobs(_limit integer) returns integer
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _longest interval := (select max(retention) + interval '1 day' from public.track_archiving_policies);
  _found uuid[];
begin
  perform set_config('archiver.suppressed', 'yes', true);
  _found := array(
    select t.id from public.tracks as t
    where t.status = 'completed' and t.archived_to_storage is not true
      and (t.archive_scheduled_at is null and t.created_at > archiver.clock() - _longest
        or t.archive_scheduled_at between archiver.clock() - interval '3 days' and archiver.clock() + interval '2 hours')
      and not exists (select from public.track_archiving_jobs as j
        where j.track_id = t.id and j.is_latest and j.status <> 'completed' and j.error_code is distinct from 'replaced_system')
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
end
$$;

-- Gives so many waiting jobs the deadline that their policy has now, after a policy has changed. A date moves to an earlier
-- one, never to a later one. Answers how many were looked at; 0: all are.
create or replace function public.refresh_deadlines(_limit integer) returns integer
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _after uuid := (select deadlines_after from public.track_archiving_settings);
  _page uuid[];
begin
  if _after is null then
    return 0;
  end if;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select j.track_id from public.track_archiving_jobs as j
    where j.next_check_at is not null and j.track_id > _after
    order by j.track_id limit greatest(_limit, 1));
  with now_due as (
    select t.id, least(t.archive_scheduled_at, timing.due_at) as due_at, timing.expires_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_page)
    order by t.id
    for no key update of t
  ), dated as (
    update public.tracks as t set archive_scheduled_at = n.due_at
    from now_due as n where t.id = n.id and t.archive_scheduled_at is distinct from n.due_at
  )
  update public.track_archiving_jobs as j
  set next_check_at = case when n.due_at < j.due_at and j.status = 'pending' then archiver.clock() else j.next_check_at end,
    due_at = n.due_at, expires_at = n.expires_at
  from now_due as n
  where j.track_id = n.id and j.next_check_at is not null
    and (j.due_at, j.expires_at) is distinct from (n.due_at, n.expires_at);
  update public.track_archiving_settings
  set deadlines_after = case when cardinality(_page) >= greatest(_limit, 1) then _page[cardinality(_page)] end;
  return cardinality(_page);
end
$$;

-- Looks whether Storage still has so many recorded files, in turn; answers how many were looked at and how many it has lost,
-- and begins anew after the last. What is lost is copied again while its provider has it; its track is no longer archived.
create or replace function public.audit_stored_files(_limit integer, out looked integer, out lost integer)
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  _after uuid := (select audited_up_to from public.track_archiving_settings);
  _page uuid[];
  _lost uuid[];
begin
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select distinct f.track_id from public.track_archiving_files as f
    where f.track_id > _after order by f.track_id limit greatest(_limit, 1));
  with missing as (
    update public.track_archiving_files as f
    set copied_from = null, storage_url = null, bucket_id = null, object_name = null, bytes = null, sha256 = null,
      stored_at = null
    where f.track_id = any (_page) and f.bytes is not null
      and f.bytes is distinct from archiver.stored_bytes(f.bucket_id, f.object_name)
    returning f.track_id
  )
  select array_agg(distinct m.track_id) into _lost from missing as m;
  perform archiver.show_files(found.id, null) from unnest(_lost) as found (id);
  update public.tracks as t set archived_to_storage = false, archived_at = null, archive_scheduled_at = archiver.clock()
  where t.id = any (_lost) and t.archived_to_storage is true and t.status = 'completed';
  update public.track_archiving_jobs as j set renews = false where j.track_id = any (_lost) and j.renews and j.is_latest;
  perform from archiver.open_jobs(_lost);
  looked := cardinality(_page);
  lost := coalesce(cardinality(_lost), 0);
  update public.track_archiving_settings
  set audited_up_to = case when looked >= greatest(_limit, 1) then _page[looked]
    else '00000000-0000-0000-0000-000000000000' end, files_lost = files_lost + lost;
end
$$;

-- Leftovers to remove: of replaced copies at once, of deleted tracks after the days of the setting. No track names them now; to
-- be asked right before the removal.
create or replace function public.get_removable_objects(_limit integer)
returns table (bucket_id text, object_name text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select l.bucket_id, l.object_name
  from public.track_archiving_leftovers as l
  cross join public.track_archiving_settings as s
  where (l.reason = 'replaced' or l.since + make_interval(days => s.remove_deleted_after_days) <= archiver.clock())
    and not exists (
      select from public.tracks as t
      where t.id = substring(l.object_name from '([0-9a-f-]{36})\.[a-z0-9]+$')::uuid and (
        l.reason = 'deleted'
        or position('/' || l.object_name in concat_ws(' ', t.storage_audio_url, t.storage_cover_url, t.storage_video_url)) > 0))
    and not exists (
      select from public.track_archiving_files as f
      where f.object_name is not null and not archiver.is_own_object(f.track_id, f.bucket_id, f.object_name)
        and (f.bucket_id, f.object_name) = (l.bucket_id, l.object_name))
  order by l.since
  limit greatest(_limit, 0)
$$;

create or replace function public.forget_leftover(_bucket_id text, _object_name text) returns void
language sql set search_path = pg_catalog, pg_temp
as $$
  delete from public.track_archiving_leftovers as l where l.bucket_id = _bucket_id and l.object_name = _object_name
$$;

-- Levels for alarms. overdue: should be archived by now and may still be, with an hour's grace, or a quarter of the time until
-- the expiry. near_expiry: overdue or failed, and expires within two days. files_lost: objects that Storage lost, ever.
create or replace function public.get_archiving_backlog()
returns table (overdue bigint, near_expiry bigint, files_lost bigint, leftovers bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
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
language sql set search_path = pg_catalog, pg_temp
as $$
  with taken as (delete from archiver.track_counts returning archived, waiting)
  insert into archiver.track_counts (archived, waiting) select coalesce(sum(archived), 0), coalesce(sum(waiting), 0) from taken
$$;
