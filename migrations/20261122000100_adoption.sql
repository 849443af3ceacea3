-- Why: what only an app with a table of tracks needs; an empty project skips it as a whole. What the archiver needs is checked
--   before anything changes. Where the system that this one replaces is installed, what it left is brought to where the
--   migrations after this one begin, and its functions can write nothing more.
-- Lock: none where nothing is replaced. Otherwise public.tracks access exclusive, where triggers have to go or the jobs'
--   foreign key is made anew, as long as these jobs take to be checked; public.track_archiving_jobs likewise.
-- Again: what was adopted is left alone, told by the triggers of ours on its jobs.
set local lock_timeout = '500ms';

do $$ declare _problems text; _each record; _tracks regclass := to_regclass('public.tracks');
  _jobs regclass := to_regclass('public.track_archiving_jobs');
begin
  if _tracks is null then return; end if;
  select string_agg(problem, '; ' order by problem) into _problems
  from (
    select case when c.column_name is null then format('column %s (%s) is missing', expected.name, expected.types[1])
      when c.data_type <> all (expected.types) then format('column %s is %s, not %s', c.column_name, c.data_type, expected.types[1])
      -- A trigger that runs before the row is written finds it empty.
      else format('column %s is generated', c.column_name) end as problem
    from (values
      (true, '{uuid}'::text[], '{id, user_id}'::text[]),
      (true, '{text, character varying}', '{title, audio_url, cover_url, video_url}'),
      (true, '{text, character varying, USER-DEFINED}', '{status, provider}'),
      (true, '{jsonb}', '{metadata}'),
      (true, '{timestamp with time zone}', '{created_at}'),
      (false, '{boolean}', '{archived_to_storage}'),
      (false, '{text}', '{storage_audio_url, storage_cover_url, storage_video_url}'),
      (false, '{timestamp with time zone}', '{archive_scheduled_at, archived_at}')
    ) as kinds (required, types, names)
    cross join lateral (select kinds.required, kinds.types, unnest(kinds.names) as name) as expected
    left join information_schema.columns as c on c.table_schema = 'public' and c.table_name = 'tracks' and c.column_name = expected.name
    where c.column_name is null and expected.required or c.data_type <> all (expected.types)
      or c.is_generated = 'ALWAYS' and expected.name not in ('id', 'user_id', 'title')
    union all select format('status is an enum without completed: %s', string_agg(e.enumlabel, ', ' order by e.enumsortorder))
    from pg_catalog.pg_attribute as a join pg_catalog.pg_enum as e on e.enumtypid = a.atttypid
    where a.attrelid = 'public.tracks'::regclass and a.attname = 'status' having not bool_or(e.enumlabel = 'completed')
    union all select 'id is neither its primary key nor unique' where not exists (
      select from pg_catalog.pg_index as i join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid = 'public.tracks'::regclass and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null and a.attname = 'id')
    union all select 'it is not a table' from pg_catalog.pg_class as c where c.oid = 'public.tracks'::regclass and c.relkind not in ('r', 'p')
    union all select format('it belongs to %s, of whom %s is no member', pg_get_userbyid(c.relowner), current_user)
    from pg_catalog.pg_class as c where c.oid = 'public.tracks'::regclass and not pg_has_role(current_user, c.relowner, 'usage')
  ) as found;
  if _problems is not null then
    raise exception 'the track archiver does not fit public.tracks: %', _problems
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Nothing was changed. Change what is named, then apply the migrations again.';
  end if;
  for _each in select tgname from pg_catalog.pg_trigger where tgrelid = _tracks and not tgisinternal
    and tgfoid = to_regprocedure('public.schedule_track_archiving()') and tgname not like 'track\_archiving\_%' loop
    execute format('drop trigger %I on public.tracks', _each.tgname);
  end loop;
  -- Return types cannot be replaced, and an overload left over would keep its grants.
  for _each in select oid::regprocedure as function from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('get_tracks_needing_archiving', 'mark_track_archived')
      and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false) loop
    execute format('drop function %s', _each.function);
  end loop;
  if (select relkind from pg_catalog.pg_class where oid = to_regclass('public.archive_statistics')) = 'm' then
    drop materialized view public.archive_statistics;
  end if;
  if _jobs is null or exists (select from pg_catalog.pg_trigger
    where tgrelid = _jobs and tgname = 'track_archiving_500_check_transition') then
    return;
  end if;
  -- Its "Service can manage jobs" had no `to` clause and opened all jobs to every role.
  for _each in select polname from pg_catalog.pg_policy where polrelid = _jobs loop
    execute format('drop policy %I on public.track_archiving_jobs', _each.polname);
  end loop;
  revoke all on public.track_archiving_jobs from public, anon, authenticated, service_role;
  alter table public.track_archiving_jobs
    add column if not exists created_at timestamptz,
    add column if not exists updated_at timestamptz, add column if not exists error_code text;
  delete from public.track_archiving_jobs as j where not exists (select from public.tracks as t where t.id = j.track_id);
  -- It could not tell a dead worker from a live one and ran each track many times over: its open jobs end here, and the tracks
  -- are found again by the worklist. `legacy_system` is no final failure.
  update public.track_archiving_jobs as j
  set status = case when j.status = 'completed' then 'completed' else 'failed' end,
    error_code = case when j.status is distinct from 'completed' then coalesce(j.error_code, 'legacy_system') end,
    error_message = case when j.status in ('completed', 'failed') then j.error_message
      else coalesce(j.error_message, 'Left open by the system that this one replaces.') end,
    completed_at = case when j.status = 'completed'
      then coalesce(j.completed_at, j.started_at, j.created_at, now()) else j.completed_at end,
    metadata = case when jsonb_typeof(j.metadata) = 'object' then j.metadata else '{}' end,
    created_at = coalesce(j.created_at, j.started_at, now()),
    updated_at = coalesce(j.updated_at, j.completed_at, j.started_at, now());
  alter table public.track_archiving_jobs
    alter column id set default gen_random_uuid(),
    alter column track_id set not null,
    alter column status set default 'pending', alter column status set not null,
    alter column metadata set default '{}', alter column metadata set not null,
    alter column created_at set default now(), alter column created_at set not null,
    alter column updated_at set default now(), alter column updated_at set not null;
  -- A foreign key that does not cascade would keep users from deleting their tracks and accounts.
  for _each in select conname from pg_catalog.pg_constraint where conrelid = _jobs and contype = 'f'
    and confrelid = _tracks and (confdeltype <> 'c' or not convalidated) loop
    execute format('alter table public.track_archiving_jobs drop constraint %I', _each.conname);
  end loop;
  if not exists (select from pg_catalog.pg_constraint where conrelid = _jobs and contype = 'f' and confrelid = _tracks) then
    alter table public.track_archiving_jobs add constraint track_archiving_jobs_track_id_fkey
      foreign key (track_id) references public.tracks (id) on delete cascade;
  end if;
end $$;
