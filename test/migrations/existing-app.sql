-- An app as it is before any archiving: its own tracks with policies, grants, indexes and a trigger.
create table public.tracks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  prompt text not null,
  status text not null default 'pending',
  provider text,
  audio_url text,
  cover_url text,
  video_url text,
  lyrics text,
  play_count integer not null default 0,
  is_public boolean not null default false,
  metadata jsonb default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index idx_tracks_user on public.tracks (user_id, created_at desc);
create index idx_tracks_status on public.tracks (status);

alter table public.tracks enable row level security;
create policy "Public tracks are visible" on public.tracks
  for select using (is_public or auth.uid() = user_id);
create policy "Users can create own tracks" on public.tracks
  for insert with check (auth.uid() = user_id);
create policy "Users can update own tracks" on public.tracks
  for update using (auth.uid() = user_id);
create policy "Users can delete own tracks" on public.tracks
  for delete using (auth.uid() = user_id);

create function public.touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end
$$;
create trigger update_tracks_updated_at before update on public.tracks
  for each row execute function public.touch_updated_at();
