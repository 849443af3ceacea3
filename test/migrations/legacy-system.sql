-- The one migration of the system that this product replaces, rebuilt from ../shared: the document of the
-- spec and the list of shortcomings in the facts. On top of existing-app.sql.
alter table public.tracks
  add column archived_to_storage boolean default false,
  add column storage_audio_url text,
  add column storage_cover_url text,
  add column storage_video_url text,
  add column archive_scheduled_at timestamptz,
  add column archived_at timestamptz;

create table public.track_archiving_jobs (
  id uuid primary key default gen_random_uuid(),
  track_id uuid references public.tracks (id),
  user_id uuid not null,
  status text check (status in ('pending', 'processing', 'completed', 'failed')),
  original_audio_url text,
  original_cover_url text,
  original_video_url text,
  storage_audio_url text,
  storage_cover_url text,
  storage_video_url text,
  started_at timestamptz,
  completed_at timestamptz,
  error_message text,
  metadata jsonb,
  created_at timestamptz default now()
);
alter table public.track_archiving_jobs enable row level security;
create policy "Users can view own jobs" on public.track_archiving_jobs
  for select using (auth.uid() = user_id);
create policy "Users can archive own tracks" on public.track_archiving_jobs
  for insert with check (auth.uid() = user_id);
create policy "Service can manage jobs" on public.track_archiving_jobs
  for all using (true);

create function public.schedule_track_archiving() returns trigger language plpgsql as $$
begin
  if new.status = 'completed' and new.archive_scheduled_at is null then
    new.archive_scheduled_at := new.created_at + interval '13 days';
  end if;
  return new;
end
$$;
create trigger trigger_schedule_track_archiving before insert or update on public.tracks
  for each row execute function public.schedule_track_archiving();

create function public.get_tracks_needing_archiving(_limit integer default 50)
returns table (track_id uuid, user_id uuid, title text, audio_url text, cover_url text, video_url text,
  days_until_expiry integer)
language sql security definer as $$
  select t.id, t.user_id, t.title, t.audio_url, t.cover_url, t.video_url,
    extract(day from t.created_at + interval '15 days' - now())::integer
  from public.tracks as t
  where t.status = 'completed' and not t.archived_to_storage and t.archive_scheduled_at <= now()
  order by t.created_at limit _limit
$$;

create function public.mark_track_archived(
  _track_id uuid, _storage_audio_url text, _storage_cover_url text default null, _storage_video_url text default null)
returns void language sql security definer as $$
  update public.tracks set archived_to_storage = true, archived_at = now(),
    storage_audio_url = _storage_audio_url, storage_cover_url = _storage_cover_url,
    storage_video_url = _storage_video_url
  where id = _track_id
$$;
grant execute on function public.get_tracks_needing_archiving(integer) to authenticated;
grant execute on function public.mark_track_archived(uuid, text, text, text) to authenticated;

create materialized view public.archive_statistics as
select
  count(*) filter (where archived_to_storage) as total_archived,
  count(*) filter (where not archived_to_storage and status = 'completed') as pending_archive,
  count(*) filter (where not archived_to_storage and status = 'completed'
    and created_at < now() - interval '13 days') as urgent_archive_needed,
  count(*) filter (where not archived_to_storage and status = 'completed'
    and created_at < now() - interval '15 days') as expired_tracks,
  round(100.0 * count(*) filter (where archived_to_storage) / nullif(count(*), 0), 1) as archive_percentage
from public.tracks;
grant select on public.archive_statistics to authenticated;
