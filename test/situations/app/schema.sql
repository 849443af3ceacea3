-- An app as the one that is replaced: two variants a song, stems, WAVs, addresses in JSON and arrays, its own Storage,
-- notifications with a closed list of types, policies that forget the folder. Written anew from the facts.
create table public.tracks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  title text not null,
  prompt text not null,
  status text not null default 'pending',
  provider text,
  audio_url text,
  cover_url text,
  video_url text,
  suno_id text,
  lyrics text,
  metadata jsonb default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_to_storage boolean default false,
  storage_audio_url text,
  storage_cover_url text,
  storage_video_url text,
  archive_scheduled_at timestamptz,
  archived_at timestamptz
);
create table public.track_versions (
  id uuid primary key default gen_random_uuid(),
  parent_track_id uuid not null references public.tracks (id) on delete cascade,
  variant_index integer not null default 1,
  audio_url text,
  cover_url text,
  video_url text,
  metadata jsonb
);
create table public.track_stems (
  id uuid primary key default gen_random_uuid(),
  track_id uuid not null references public.tracks (id) on delete cascade,
  version_id uuid references public.track_versions (id) on delete cascade,
  stem_type text not null,
  audio_url text not null,
  unique (track_id, version_id, stem_type)
);
create table public.wav_jobs (
  id uuid primary key default gen_random_uuid(),
  track_id uuid references public.tracks (id) on delete cascade,
  status text not null default 'pending',
  wav_url text
);
create table public.music_videos (id uuid primary key default gen_random_uuid(), track_id uuid, video_url varchar(500));
create table public.midi_jobs (id uuid primary key default gen_random_uuid(), track_id uuid, result json);
create table public.callback_logs (id bigint generated always as identity primary key, payload jsonb);
create table public.playlists (id uuid primary key default gen_random_uuid(), title text, cover_urls text[]);
create table public.profiles (user_id uuid primary key, avatar_url text, bio text);
create table public.reference_audio (id uuid primary key default gen_random_uuid(), file_url text);

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  type text not null check (type in ('track', 'like', 'comment', 'system', 'generation', 'error')),
  title text not null,
  message text not null,
  link text,
  read boolean not null default false,
  created_at timestamptz not null default now()
);

create schema analytics;
create materialized view analytics.archive_statistics as
  select count(*) as total from public.tracks where archived_to_storage;

insert into storage.buckets (id, name, public, file_size_limit) values
  ('tracks-audio', 'tracks-audio', true, 100 * 1024 * 1024), ('tracks-covers', 'tracks-covers', true, 50 * 1024 * 1024);
create policy "Signed-in users can upload songs" on storage.objects for insert to authenticated
  with check (bucket_id = 'tracks-audio');
create policy "Signed-in users can change covers" on storage.objects for update
  using (bucket_id = 'tracks-covers' and auth.role() = 'authenticated' and name like '%.jpeg');
create policy "Signed-in users can remove files" on storage.objects for delete to authenticated
  using (bucket_id in ('tracks-audio', 'tracks-covers', 'tracks-videos') and auth.uid() is not null);
create policy "Users can read their own avatars" on storage.objects for select to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text);

create function public.touch_track() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end
$$;
create trigger update_tracks_updated_at before update on public.tracks
  for each row execute function public.touch_track();
create function public.normalize_track() returns trigger language plpgsql as $$
begin
  new.provider := lower(new.provider);
  return new;
end
$$;
create trigger zz_normalize_track before insert or update on public.tracks
  for each row execute function public.normalize_track();
create function public.clean_up_old_files() returns void language plpgsql as $$
begin
  delete from storage.objects where created_at < now() - interval '90 days';
end
$$;
