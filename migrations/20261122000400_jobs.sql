-- Why: one row an attempt to archive a track; the record that queues and schedules are rebuilt from. Users read their
--   own jobs and may ask for their own track to be archived; all else is the service's.
-- Lock: public.tracks share row exclusive, milliseconds, while the foreign key is made (writes wait, reads do not).
-- Lock: public.track_archiving_jobs access exclusive, as long as its own rows take to be checked.
-- Again: every step finds nothing to do; the same policies are made anew.
set local lock_timeout = '3s';

create sequence if not exists archiver.fencing_tokens;
revoke all on sequence archiver.fencing_tokens from public, anon, authenticated;
grant usage on sequence archiver.fencing_tokens to service_role;

create table if not exists public.track_archiving_jobs (
  id uuid primary key default gen_random_uuid(),
  track_id uuid not null references public.tracks (id) on delete cascade,
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
  add column if not exists requested boolean not null default false,
  add column if not exists buried_at timestamptz,
  drop constraint if exists processing_is_leased,
  drop constraint if exists completed_is_dated,
  drop constraint if exists failed_has_code,
  add constraint processing_is_leased check (
    case status when 'processing'
      then fencing_token is not null and lease_expires_at is not null and started_at is not null
      else lease_expires_at is null end),
  add constraint completed_is_dated check (status <> 'completed' or completed_at is not null),
  add constraint failed_has_code check (status <> 'failed' or error_code is not null);

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
comment on column public.track_archiving_jobs.buried_at is
  'When the dead letter was written of a job that the sweep failed.';

alter table public.track_archiving_jobs enable row level security;
revoke all on public.track_archiving_jobs from public, anon, authenticated, service_role;
grant select on public.track_archiving_jobs to authenticated;
grant insert (track_id, user_id, status) on public.track_archiving_jobs to authenticated;
grant all on public.track_archiving_jobs to service_role;

drop policy if exists "Users can read own archiving jobs" on public.track_archiving_jobs;
create policy "Users can read own archiving jobs" on public.track_archiving_jobs
  for select to authenticated using (user_id = (select auth.uid()));

drop policy if exists "Users can archive own tracks" on public.track_archiving_jobs;
create policy "Users can archive own tracks" on public.track_archiving_jobs
  for insert to authenticated with check (
    requested
    and status = 'pending'
    and user_id = (select auth.uid())
    and exists (
      select from public.tracks as t
      where t.id = track_id and t.user_id = (select auth.uid())
        and t.status = 'completed' and t.archived_to_storage is not true
    )
  );

drop policy if exists "Service can manage jobs" on public.track_archiving_jobs;
create policy "Service can manage jobs" on public.track_archiving_jobs
  for all to service_role using (true) with check (true);
