-- Why: the private schema `archiver` for what the API must not reach, its clock, and the settings.
-- Lock: none on tables of the app.
-- Again: created if absent; a changed setting is kept.
set local lock_timeout = '3s';

create schema if not exists archiver;
revoke all on schema archiver from public;
grant usage on schema archiver to service_role;

-- The clock of every archiving function and trigger: leases, due dates, expiry, webhook timestamps.
-- To the millisecond: clients that read a row into their own dates and write it back must not change it.
-- The local stack replaces the body to move time.
create or replace function archiver.clock() returns timestamptz
language sql stable set search_path = ''
as $$ select date_trunc('milliseconds', now()) $$;
revoke all on function archiver.clock() from public, anon, authenticated;
grant execute on function archiver.clock() to service_role;

create table if not exists public.track_archiving_settings (
  only_row boolean primary key default true check (only_row),
  language text not null default 'ru' check (language in ('ru', 'en'))
);
alter table public.track_archiving_settings
  add column if not exists installed_at timestamptz not null default archiver.clock();
comment on table public.track_archiving_settings is
  'One row. language: of the notifications to owners. installed_at: what expired before is nobody''s news.';
insert into public.track_archiving_settings default values on conflict do nothing;

alter table public.track_archiving_settings enable row level security;
revoke all on public.track_archiving_settings from public, anon, authenticated;
grant select, update on public.track_archiving_settings to service_role;
