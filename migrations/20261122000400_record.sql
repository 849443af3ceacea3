-- Why: the record that queues and schedules are rebuilt from. One row a file (what it is, what of it is stored, or why not),
--   one row a series of attempts (track_archiving_jobs). A job's next_check_at is its one clock hand: it shows progress by
--   then, or the sweep acts (docs/state-machine.md draws it). And what holds of it at any time: which source is a new one, which
--   transitions are legal, which job counts.
-- Lock: public.tracks share row exclusive, milliseconds, while the foreign keys are made (writes wait, reads do not).
-- Lock: public.track_archiving_jobs access exclusive, as long as its own rows take to be checked.
-- Again: every step finds nothing to do; functions, policies and triggers are replaced.
set local lock_timeout = '500ms';

create sequence if not exists archiver.fencing_tokens;
revoke all on sequence archiver.fencing_tokens from public, anon, authenticated;
grant usage on sequence archiver.fencing_tokens to service_role;

create table if not exists public.track_archiving_jobs (
  id uuid primary key default gen_random_uuid(),
  track_id uuid not null references public.tracks (id) on delete cascade,
  user_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  original_audio_url text, original_cover_url text, original_video_url text,
  storage_audio_url text, storage_cover_url text, storage_video_url text,
  started_at timestamptz, completed_at timestamptz,
  error_message text,
  metadata jsonb not null default '{}', -- assets: written from track_archiving_files
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);

alter table public.track_archiving_jobs
  add column if not exists attempt integer not null default 0 check (attempt >= 0),
  add column if not exists crash_count integer not null default 0, -- claims that ended without a word
  add column if not exists fencing_token bigint, -- grows at each claim; who does not name it can change nothing
  add column if not exists lease_expires_at timestamptz,
  add column if not exists claimed_by text,
  add column if not exists error_code text,
  add column if not exists requested boolean not null default false, -- by the owner
  add column if not exists renews boolean not null default false, -- the track is archived; this copies a new source
  add column if not exists scheduled_for timestamptz, -- a schedule was made for this time
  add column if not exists queued_at timestamptz, -- when a message was last sent
  add column if not exists due_at timestamptz, -- as last worked out; so is expires_at
  add column if not exists expires_at timestamptz,
  add column if not exists next_check_at timestamptz, -- by then there is progress, or the sweep acts; null: nothing is left to do
  add column if not exists told_at timestamptz, -- when the owner heard that the track is not saved
  add column if not exists is_latest boolean not null default true,
  drop constraint if exists processing_is_leased, drop constraint if exists completed_is_dated,
  drop constraint if exists failed_has_code, drop constraint if exists open_jobs_are_checked,
  add constraint processing_is_leased check (
    case status when 'processing'
      then fencing_token is not null and lease_expires_at is not null and started_at is not null
      else lease_expires_at is null end),
  add constraint completed_is_dated check (status <> 'completed' or completed_at is not null),
  add constraint failed_has_code check (status <> 'failed' or error_code is not null),
  add constraint open_jobs_are_checked check (
    case status when 'completed' then next_check_at is null
      when 'failed' then next_check_at is null or expires_at is not null
      else next_check_at is not null and expires_at is not null end);

-- What the legacy system left has rows beside each other; only one of a track counts.
update public.track_archiving_jobs as j set is_latest = false
where j.is_latest and j.next_check_at is null and exists (
  select from public.track_archiving_jobs as later
  where later.track_id = j.track_id and (later.created_at, later.id) > (j.created_at, j.id));

create unique index if not exists track_archiving_jobs_open on public.track_archiving_jobs (track_id)
  where status in ('pending', 'processing');
-- The latest job of a track, and the cascade from tracks.
create index if not exists track_archiving_jobs_track on public.track_archiving_jobs (track_id, created_at desc);
create index if not exists track_archiving_jobs_user on public.track_archiving_jobs (user_id, created_at desc);
-- What the sweep takes, with all that it orders by.
create index if not exists track_archiving_jobs_check
  on public.track_archiving_jobs (next_check_at) include (user_id, due_at, expires_at, id) where next_check_at is not null;
-- The deadlines of what is not archived: worklist, levels and statistics.
create index if not exists track_archiving_jobs_due
  on public.track_archiving_jobs (due_at, expires_at) include (status, track_id)
  where status <> 'completed' and is_latest and not renews;
create index if not exists track_archiving_jobs_expiry on public.track_archiving_jobs (expires_at)
  include (due_at, status, lease_expires_at, track_id) where status <> 'completed' and is_latest and not renews;
-- Why tracks are not archived, and what a changed policy wakes.
create index if not exists track_archiving_jobs_failed on public.track_archiving_jobs (error_code)
  where status = 'failed' and is_latest;
-- What its owner has on the queue or in a worker's hands.
create index if not exists track_archiving_jobs_in_flight on public.track_archiving_jobs (user_id) include (next_check_at)
  where status in ('pending', 'processing') and queued_at is not null;

comment on table public.track_archiving_jobs is
  'One row a series of attempts to archive a track; at most one of a track is open, is_latest marks the one that counts.';

create table if not exists public.track_archiving_files (
  track_id uuid not null references public.tracks (id) on delete cascade,
  kind text not null check (kind in ('audio', 'cover', 'video')),
  source_url text, -- at the provider, as the last claim found it
  due_at timestamptz,
  expires_at timestamptz,
  copied_from text, -- the source of the stored copy
  storage_url text, bucket_id text, object_name text,
  bytes bigint check (bytes > 0), -- null: a person said that the file is there
  sha256 text, content_type text, source_host text, duration_seconds double precision check (duration_seconds >= 0),
  stored_at timestamptz,
  error_code text, -- why the present source is not to be had; null while it may be
  refused_at timestamptz,
  first_refused_at timestamptz, -- of a cover or video; the next no at another time is final
  primary key (track_id, kind),
  constraint a_copy_is_dated check ((storage_url is null) = (stored_at is null)),
  constraint a_refusal_has_code check ((error_code is null) = (refused_at is null))
);
create index if not exists track_archiving_files_refused on public.track_archiving_files (error_code)
  where error_code is not null;
comment on table public.track_archiving_files is
  'One row a file of a track, made when the track is first claimed. A stored copy stays until one of another source is recorded.';

-- How statements changed the number of archived tracks, and of completed ones that are not. The sweep adds the rows up.
create table if not exists archiver.track_counts (archived bigint not null, waiting bigint not null);
alter table archiver.track_counts enable row level security;

-- Objects that no track needs any more. replaced: by a copy of a new source. deleted: their track is gone.
create table if not exists public.track_archiving_leftovers (
  bucket_id text not null, object_name text not null,
  reason text not null check (reason in ('replaced', 'deleted')),
  since timestamptz not null default archiver.clock(),
  primary key (bucket_id, object_name)
);
-- The oldest first: a page is read, not what a statement that deleted half a million tracks has left.
create index if not exists track_archiving_leftovers_since on public.track_archiving_leftovers (reason, since);
comment on table public.track_archiving_leftovers is
  'Objects that no track needs any more, and why. Those of deleted tracks are removed after the days of a setting, if it has any.';

do $$ declare _table text;
begin
  foreach _table in array array['settings', 'policies', 'jobs', 'files', 'leftovers'] loop
    _table := 'public.track_archiving_' || _table;
    execute format('alter table %s enable row level security', _table);
    execute format('revoke all on %s from public, anon, authenticated', _table);
    execute format('grant select, insert, update, delete on %s to service_role', _table);
  end loop;
end $$;
grant select on public.track_archiving_jobs, public.track_archiving_files to authenticated;
grant insert (track_id, user_id, status) on public.track_archiving_jobs to authenticated;

drop policy if exists "Users can read own archiving jobs" on public.track_archiving_jobs;
create policy "Users can read own archiving jobs" on public.track_archiving_jobs
  for select to authenticated using (user_id = (select auth.uid()));
drop policy if exists "Users can archive own tracks" on public.track_archiving_jobs;
create policy "Users can archive own tracks" on public.track_archiving_jobs
  for insert to authenticated with check (requested and status = 'pending' and user_id = (select auth.uid()) and exists (
    select from public.tracks as t where t.id = track_id and t.user_id = (select auth.uid())
      and t.status = 'completed' and t.archived_to_storage is not true));
drop policy if exists "Service can manage jobs" on public.track_archiving_jobs;
create policy "Service can manage jobs" on public.track_archiving_jobs for all to service_role using (true) with check (true);
drop policy if exists "Users can read files of own tracks" on public.track_archiving_files;
create policy "Users can read files of own tracks" on public.track_archiving_files
  for select to authenticated using (exists (
    select from public.tracks as t where t.id = track_id and t.user_id = (select auth.uid())));

-- Addresses. Signatures change, the file does not.
create or replace function archiver.without_query(_url text) returns text
language sql immutable return regexp_replace(btrim(_url), '[?#].*$', '');

-- An address that could lead to a file: https, a host with a dot, and not what a program writes for nothing.
create or replace function archiver.is_address(_url text) returns boolean
language sql immutable
return btrim(_url) ~* '^https://[^/?#@[:space:]]+\.[^/?#@[:space:]]+'
  and regexp_replace(btrim(_url), '[?#].*$', '') !~* '/(none|null|undefined|nan)(\.[a-z0-9]+)?$';

-- Our own copy, at any address of ours: Storage's paths are the same behind a domain of the app.
create or replace function archiver.is_own_copy(_url text, _storage_url text) returns boolean
language sql immutable
return coalesce(regexp_replace(btrim(_url), '[?#].*$', '') = regexp_replace(btrim(_storage_url), '[?#].*$', ''), false)
  or coalesce(_url ~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/', false);

-- Does a track that named _old, and names _new now, have another file to copy?
create or replace function archiver.is_new_source(_old text, _new text, _storage_url text) returns boolean
language sql immutable
return coalesce(archiver.is_address(_new), false)
  and archiver.without_query(_new) is distinct from archiver.without_query(_old)
  and not archiver.is_own_copy(_new, _storage_url);

-- Is the present source of a file still to be copied?
create or replace function archiver.is_missing(_file public.track_archiving_files) returns boolean
language sql immutable
return _file.source_url is not null and _file.error_code is null
  and (_file.storage_url is null or archiver.is_new_source(_file.copied_from, _file.source_url, _file.storage_url));

-- Does the track have other sources, or another owner, than when the job was claimed? Never claimed: no.
create or replace function archiver.is_superseded(_job public.track_archiving_jobs, _track public.tracks) returns boolean
language sql immutable
return _job.started_at is not null and
  (_job.original_audio_url, _job.original_cover_url, _job.original_video_url, _job.user_id)
  is distinct from
  (nullif(btrim(_track.audio_url), ''), nullif(btrim(_track.cover_url), ''), nullif(btrim(_track.video_url), ''), _track.user_id);

-- Does the job, or would another after it, copy a new source of an archived track?
create or replace function archiver.is_renewal(_job public.track_archiving_jobs) returns boolean
language sql immutable return coalesce(_job.renews and _job.status <> 'completed', false);

-- Has the job failed, and nothing changed since that would let it succeed? What the legacy system left is no failure of ours.
create or replace function archiver.has_failed(_job public.track_archiving_jobs, _track public.tracks) returns boolean
language sql immutable
return coalesce(_job.status = 'failed' and _job.error_code <> 'legacy_system'
  and not (_job.error_code = 'owner_missing' and _track.user_id is not null)
  and not archiver.is_superseded(_job, _track), false);

-- A row's legal transitions. Ended jobs stay as they are, but for the clock hand of a failed one and what is said of it.
create or replace function archiver.check_transition() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.status <> old.status and not (old.status = 'pending' or old.status = 'processing') then
    raise exception 'an archiving job cannot go from % to %', old.status, new.status using errcode = 'check_violation';
  end if;
  if new.fencing_token is distinct from old.fencing_token then
    if new.fencing_token is null or new.fencing_token < old.fencing_token then
      raise exception 'the fencing token of an archiving job only grows' using errcode = 'check_violation';
    end if;
    if old.status = 'processing' and new.status = 'processing' and old.lease_expires_at > archiver.clock() then
      raise exception 'the archiving job is leased' using errcode = 'check_violation';
    end if;
  elsif old.status = 'pending' and new.status = 'processing' then
    raise exception 'a claim needs a fencing token of its own' using errcode = 'check_violation';
  end if;
  return new;
end $$;

-- A job that a person or the service inserts by hand has its owner, its deadline and its clock hand like any other.
create or replace function archiver.date_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  new.created_at := archiver.clock();
  new.updated_at := archiver.clock();
  new.next_check_at := archiver.clock() + interval '5 minutes';
  select coalesce(t.user_id, new.user_id), coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at
  into new.user_id, new.due_at, new.expires_at
  from (values (new.track_id)) as named (id)
  left join public.tracks as t on t.id = named.id -- none: the foreign key refuses the job
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing;
  return new;
end $$;

-- The newest job is the one that counts; what an earlier one still waited for is its business now.
create or replace function archiver.replace_former_jobs() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update public.track_archiving_jobs as former
  set is_latest = false, next_check_at = case when former.status = 'failed' then null else former.next_check_at end
  from added where former.track_id = added.track_id and former.id <> added.id and former.is_latest;
  return null;
end $$;

-- What lies where a track's files lie was never anybody else's. All else (a source that was recorded in place, what a person
-- named) may be.
create or replace function archiver.is_own_object(_track_id uuid, _bucket_id text, _object_name text) returns boolean
language sql immutable
return _bucket_id in ('tracks-audio', 'tracks-covers', 'tracks-videos')
  and _object_name ~ ('^[^/]+/' || _track_id || '\.[a-z0-9]+$');

create index if not exists track_archiving_files_elsewhere on public.track_archiving_files (bucket_id, object_name)
  where object_name is not null and not archiver.is_own_object(track_id, bucket_id, object_name);

-- The files of a deleted track are known afterwards. A failure here must not keep the track.
create or replace function archiver.keep_leftovers() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
  select bucket_id, object_name, 'deleted' from gone where archiver.is_own_object(track_id, bucket_id, object_name)
  on conflict (bucket_id, object_name) do nothing;
  return null;
exception when others then
  raise warning 'the files of deleted tracks are not noted: %', sqlerrm;
  return null;
end $$;

create or replace trigger track_archiving_300_date before insert on public.track_archiving_jobs
  for each row when (new.status in ('pending', 'processing') and new.next_check_at is null)
  execute function archiver.date_job();
create or replace trigger track_archiving_500_check_transition before update on public.track_archiving_jobs
  for each row when (old.status is distinct from new.status
    or old.fencing_token is distinct from new.fencing_token)
  execute function archiver.check_transition();
create or replace trigger track_archiving_900_replace_former after insert on public.track_archiving_jobs
  referencing new table as added for each statement execute function archiver.replace_former_jobs();
create or replace trigger track_archiving_900_keep_leftovers after delete on public.track_archiving_files
  referencing old table as gone for each statement execute function archiver.keep_leftovers();
