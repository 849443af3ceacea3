-- Why: one row an attempt to archive a track; the record that queues and schedules are rebuilt from.
--   A table of the replaced system is adopted: its rows are brought into the states that are legal here.
-- Lock: public.tracks share row exclusive, while the foreign key is made (writes wait, reads do not): milliseconds,
--   or as long as the jobs of the replaced system take to be checked; then access exclusive, its own key has to go.
-- Lock: public.track_archiving_jobs access exclusive, as long as its own rows take to be checked.
-- Again: every step finds nothing to do.
set local lock_timeout = '3s';

create sequence if not exists archiver.fencing_tokens;
revoke all on sequence archiver.fencing_tokens from public, anon, authenticated;
grant usage on sequence archiver.fencing_tokens to service_role;

create table if not exists public.track_archiving_jobs (
  id uuid primary key default gen_random_uuid(),
  track_id uuid not null,
  user_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  original_audio_url text,
  original_cover_url text,
  original_video_url text,
  storage_audio_url text,
  storage_cover_url text,
  storage_video_url text,
  started_at timestamptz,
  completed_at timestamptz,
  error_message text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

alter table public.track_archiving_jobs
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now(),
  add column if not exists attempt integer not null default 0 check (attempt >= 0),
  add column if not exists workers_lost integer not null default 0,
  add column if not exists fencing_token bigint,
  add column if not exists lease_expires_at timestamptz,
  add column if not exists claimed_by text,
  add column if not exists error_code text,
  add column if not exists scheduled_for timestamptz,
  add column if not exists scheduled_at timestamptz,
  add column if not exists dispatched_at timestamptz,
  add column if not exists expired_at timestamptz,
  add column if not exists requested boolean not null default false;

-- What the replaced system left. On an empty table all of this is nothing.
delete from public.track_archiving_jobs as j
where not exists (select from public.tracks as t where t.id = j.track_id);

update public.track_archiving_jobs set metadata = '{}'
where metadata is null or jsonb_typeof(metadata) <> 'object';

update public.track_archiving_jobs set created_at = coalesce(created_at, started_at, archiver.clock()),
  updated_at = coalesce(updated_at, completed_at, started_at, archiver.clock())
where created_at is null or updated_at is null;

-- It could not tell a dead worker from a live one and ran each track many times over: its open jobs
-- end here, and the tracks are found again by the worklist. `replaced_system` is no final failure.
update public.track_archiving_jobs
set status = 'failed', error_code = 'replaced_system',
  error_message = coalesce(error_message, 'Left open by the system that this one replaces.')
where (status is null or status in ('pending', 'processing'))
  and fencing_token is null and scheduled_for is null and dispatched_at is null and not requested
  and not exists (select from pg_catalog.pg_trigger as g
    where g.tgrelid = 'public.track_archiving_jobs'::regclass and g.tgname = 'c_transition');

update public.track_archiving_jobs set error_code = 'replaced_system'
where status = 'failed' and error_code is null;
update public.track_archiving_jobs set completed_at = coalesce(started_at, created_at)
where status = 'completed' and completed_at is null;

alter table public.track_archiving_jobs
  alter column id set default gen_random_uuid(),
  alter column track_id set not null,
  alter column status set default 'pending',
  alter column status set not null,
  alter column metadata set default '{}',
  alter column metadata set not null,
  alter column created_at set default now(),
  alter column created_at set not null,
  alter column updated_at set default now(),
  alter column updated_at set not null,
  drop constraint if exists processing_is_leased,
  drop constraint if exists completed_is_dated,
  drop constraint if exists failed_has_code,
  add constraint processing_is_leased check (
    case status when 'processing'
      then fencing_token is not null and lease_expires_at is not null and started_at is not null
      else lease_expires_at is null end),
  add constraint completed_is_dated check (status <> 'completed' or completed_at is not null),
  add constraint failed_has_code check (status <> 'failed' or error_code is not null);

-- A foreign key that does not cascade would keep users from deleting their tracks and accounts.
do $$
declare
  _name text;
begin
  for _name in
    select conname from pg_catalog.pg_constraint
    where conrelid = 'public.track_archiving_jobs'::regclass and contype = 'f'
      and confrelid = 'public.tracks'::regclass and (confdeltype <> 'c' or not convalidated)
  loop
    execute format('alter table public.track_archiving_jobs drop constraint %I', _name);
  end loop;
  if not exists (
    select from pg_catalog.pg_constraint
    where conrelid = 'public.track_archiving_jobs'::regclass and contype = 'f'
      and confrelid = 'public.tracks'::regclass
  ) then
    alter table public.track_archiving_jobs add constraint track_archiving_jobs_track_id_fkey
      foreign key (track_id) references public.tracks (id) on delete cascade;
  end if;
end
$$;

create unique index if not exists track_archiving_jobs_open
  on public.track_archiving_jobs (track_id) where status in ('pending', 'processing');
-- The latest job of a track, and the cascade from tracks.
create index if not exists track_archiving_jobs_track
  on public.track_archiving_jobs (track_id, created_at desc);
create index if not exists track_archiving_jobs_user
  on public.track_archiving_jobs (user_id, created_at desc);

comment on table public.track_archiving_jobs is 'One row an attempt to archive a track; at most one is open.';
comment on column public.track_archiving_jobs.fencing_token is
  'New and larger at each claim. Who does not name the current one can change nothing.';
comment on column public.track_archiving_jobs.workers_lost is
  'Claims that ended without a word, as another claim or plan found; the present one is not among them.';
comment on column public.track_archiving_jobs.scheduled_for is 'A schedule is known to exist for this time.';
comment on column public.track_archiving_jobs.scheduled_at is 'When that schedule was made.';
comment on column public.track_archiving_jobs.expired_at is
  'When the sweep found that the track''s deadline had passed; it says so once.';
comment on column public.track_archiving_jobs.dispatched_at is 'When the track was put on the queue.';
comment on column public.track_archiving_jobs.requested is 'The owner asked for it.';
comment on column public.track_archiving_jobs.metadata is
  'assets.{audio,cover,video}: {bytes, sha256, content_type, source_host, stored_at} or {gone, code, at}.';
