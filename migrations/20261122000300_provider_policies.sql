-- Why: how long a provider keeps what it made differs from one hour to fifteen days, and the hosts
--   that serve it rotate: rows that the operator edits, not constants.
-- Lock: none on tables of the app.
-- Again: a row that is there already is kept as the operator left it.
set local lock_timeout = '3s';

create table if not exists public.track_archiving_policies (
  provider text primary key check (provider = lower(btrim(provider)) and provider <> ''),
  retention interval not null check (retention > interval '0'),
  archive_after interval not null,
  allowed_hosts text[] not null default '{}',
  user_agent text not null default 'Mozilla/5.0 (compatible; track-archiver/1.0)'
    check (user_agent ~ '^[\x20-\x7e]+$'),
  constraint archived_before_expiry check (archive_after between interval '0' and retention),
  -- `host.example` or `*.host.example`, lower case; an array prints anything stranger in quotes.
  constraint hosts_are_hosts check (allowed_hosts::text ~
    '^\{((\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+(,(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+)*)?\}$')
);
comment on table public.track_archiving_policies is
  'How long each provider keeps files, when to archive, which hosts may be fetched. `*` is everybody else.';

insert into public.track_archiving_policies (provider, retention, archive_after, allowed_hosts) values
  -- sunoapi.org and kie.ai resell Suno; an app that knows the reseller gets its shorter retention.
  ('suno', '15 days', '13 days', array[
    'musicfile.api.box', 'musicfile.removeai.ai', 'tempfile.aiquickdraw.com', 'file.aiquickdraw.com',
    'apibox.erweima.ai', 'mfile.erweima.ai', 'audiostream.api.box',
    'cdn1.suno.ai', 'cdn2.suno.ai', 'audiopipe.suno.ai']),
  ('sunoapi', '14 days', '12 days', array[
    'musicfile.api.box', 'musicfile.removeai.ai', 'tempfile.aiquickdraw.com', 'file.aiquickdraw.com',
    'apibox.erweima.ai', 'mfile.erweima.ai', 'audiostream.api.box']),
  ('kie', '14 days', '12 days', array['tempfile.aiquickdraw.com']),
  ('mureka', '15 days', '13 days', array['cdn.mureka.ai']),
  ('replicate', '1 hour', '0', array['replicate.delivery', '*.replicate.delivery']),
  -- Retention is set per request there: at once, unless the track knows its expiry.
  ('fal', '1 day', '0', array['fal.media', '*.fal.media']),
  -- Their hosts are not known to us: to be added by whoever uses them.
  ('alibaba', '1 day', '0', '{}'),
  ('higgsfield', '7 days', '5 days', '{}')
on conflict (provider) do nothing;

insert into public.track_archiving_policies (provider, retention, archive_after, allowed_hosts)
select '*', '15 days', '13 days', array_agg(distinct host order by host)
from public.track_archiving_policies, unnest(allowed_hosts) as host
on conflict (provider) do nothing;

alter table public.track_archiving_policies enable row level security;
revoke all on public.track_archiving_policies from public, anon, authenticated;
grant select, insert, update, delete on public.track_archiving_policies to service_role;
