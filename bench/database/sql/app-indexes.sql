alter table public.tracks add primary key (id);
alter table public.tracks add foreign key (user_id) references auth.users (id) on delete cascade;
create index idx_tracks_user on public.tracks (user_id, created_at desc);
create index idx_tracks_status on public.tracks (status);
create index idx_tracks_public on public.tracks (created_at desc) where is_public;

alter table public.tracks enable row level security;
create policy "Public tracks are visible" on public.tracks for select using (is_public or auth.uid() = user_id);
create policy "Users can create own tracks" on public.tracks for insert with check (auth.uid() = user_id);
create policy "Users can update own tracks" on public.tracks for update using (auth.uid() = user_id);

create function public.touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end
$$;
create trigger update_tracks_updated_at before update on public.tracks
  for each row execute function public.touch_updated_at();
