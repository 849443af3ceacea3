-- Why: the table of the app, public.tracks, gets the six columns that say where a track's files are. An empty project gets the
--   table itself, with row level security; an app's own table keeps its policies, grants, triggers and indexes.
-- Lock: public.tracks access exclusive, milliseconds: catalogue only, no row is read or rewritten (a constant default needs no
--   rewrite since Postgres 11).
-- Again: every step is skipped where it is done already.
set local lock_timeout = '500ms';

do $$ begin
  if to_regclass('public.tracks') is not null then return; end if;
  create table public.tracks (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    title text not null,
    prompt text not null default '',
    status text not null default 'pending',
    provider text,
    audio_url text, cover_url text, video_url text,
    metadata jsonb,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now()
  );
  create index tracks_user_id on public.tracks (user_id);
  alter table public.tracks enable row level security;
  revoke all on public.tracks from public, anon, authenticated;
  grant select, insert, update, delete on public.tracks to authenticated;
  grant all on public.tracks to service_role;
  create policy "Users can read own tracks" on public.tracks for select to authenticated using (user_id = (select auth.uid()));
  create policy "Users can insert own tracks" on public.tracks
    for insert to authenticated with check (user_id = (select auth.uid()));
  create policy "Users can update own tracks" on public.tracks
    for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
  create policy "Users can delete own tracks" on public.tracks for delete to authenticated using (user_id = (select auth.uid()));
end $$;

alter table public.tracks
  add column if not exists archived_to_storage boolean default false,
  add column if not exists storage_audio_url text, add column if not exists storage_cover_url text,
  add column if not exists storage_video_url text,
  add column if not exists archive_scheduled_at timestamptz, add column if not exists archived_at timestamptz;
alter table public.tracks alter column archived_to_storage set default false;

-- The archiving functions run as the service that calls them.
grant select, update on public.tracks to service_role;

comment on column public.tracks.archived_to_storage is
  'True only when every file that the track had is in Storage. Null counts as false. The service''s alone.';
comment on column public.tracks.archive_scheduled_at is
  'When archiving is due, by the policy of the provider. Null until the track is completed.';
