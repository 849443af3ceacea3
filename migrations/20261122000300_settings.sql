-- Why: the private schema `archiver` for what the API must not reach, its clock, the settings, and what is known of providers:
--   how long each keeps what it made differs from one hour to fifteen days, and the hosts that serve it rotate, so these are
--   rows that the operator edits, not constants.
-- Lock: none on tables of the app.
-- Again: created if absent; a setting and a policy are kept as the operator left them.
set local lock_timeout = '500ms';

create schema if not exists archiver;
revoke all on schema archiver from public;
grant usage on schema archiver to service_role;

-- The clock of every archiving function and trigger: leases, due dates, expiry, webhook timestamps. To the millisecond: clients
-- that read a row into their own dates and write it back must not change it. The local stack replaces the body to move time. A
-- body of this form costs nothing: the planner inlines it.
create or replace function archiver.clock() returns timestamptz language sql stable return date_trunc('milliseconds', now());

create table if not exists public.track_archiving_settings (
  only_row boolean primary key default true check (only_row),
  language text not null default 'ru' check (language in ('ru', 'en')),
  installed_at timestamptz not null default archiver.clock(),
  -- Text, link and type of what owners are told; null: our own words. {title} and {track_id} are replaced.
  failed_type text not null default 'warning', failed_title text, failed_message text,
  saved_type text not null default 'success', saved_title text, saved_message text,
  notification_link text not null default '/workspace/library?track={track_id}',
  -- Null: the files of deleted tracks stay.
  remove_deleted_after_days integer check (remove_deleted_after_days >= 0),
  -- Where long work stands: a walk begins at the smallest id; null: nothing is to be done.
  deadlines_after uuid,
  audited_up_to uuid not null default '00000000-0000-0000-0000-000000000000',
  adopted_up_to uuid default '00000000-0000-0000-0000-000000000000',
  counted_at timestamptz,
  files_lost bigint not null default 0
);

comment on table public.track_archiving_settings is
  'One row. language: of the notifications to owners. installed_at: what expired before is nobody''s news.';
insert into public.track_archiving_settings default values on conflict do nothing;

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
from public.track_archiving_policies, unnest(allowed_hosts) as host on conflict (provider) do nothing;

-- A moment written by a provider: ISO 8601 (UTC where no zone is given) or Unix time in seconds or milliseconds. Null for
-- everything else; it is user input, so it must never raise.
create or replace function archiver.parse_expiry(_text text) returns timestamptz
language plpgsql stable strict set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare _moment timestamptz;
begin
  if _text ~ '^\d{9,13}(\.\d{1,6})?$' then
    _moment := to_timestamp((_text::numeric / case when _text::numeric < 1e11 then 1 else 1000 end)::float8);
  elsif _text ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
    _moment := _text::timestamptz;
  end if;
  return case when _moment between '2000-01-01Z' and '2200-01-01Z' then _moment end;
exception when data_exception then
  return null;
end $$;

-- due_at: when to archive. expires_at: when the provider deletes. A known expiry wins over the retention of the policy and
-- pulls the due date forward, never back. A created_at in the future, which is user input, cannot postpone. Seconds, not days,
-- so that no session's time zone counts. A body of this form is bound to its names once and for all, and the planner inlines
-- it, which a `set` clause would forbid. `supabase db push` takes its first text `end` for the last: no `case` here.
create or replace function archiver.track_timing(_provider text, _created_at timestamptz, _metadata jsonb)
returns table (due_at timestamptz, expires_at timestamptz, allowed_hosts text[], user_agent text) language sql stable
begin atomic
  select
    least(track.base + policy.archive_after, track.known - (policy.retention - policy.archive_after)),
    coalesce(track.known, track.base + policy.retention),
    policy.allowed_hosts,
    policy.user_agent
  from (
    select
      date_trunc('milliseconds',
        greatest(least(_created_at, (select archiver.clock())), timestamptz '2000-01-01Z')) as base,
      date_trunc('milliseconds', archiver.parse_expiry(_metadata ->> 'expires_at')) as known
  ) as track,
  lateral (
    select
      make_interval(secs => extract(epoch from coalesce(own.retention, others.retention, '15 days'))) as retention,
      make_interval(secs => extract(epoch from coalesce(own.archive_after, others.archive_after, '13 days'))) as archive_after,
      -- Where somebody deleted `*`, tracks are still in time, and no host is allowed.
      coalesce(own.allowed_hosts, others.allowed_hosts, '{}') as allowed_hosts,
      coalesce(own.user_agent, others.user_agent, 'track-archiver') as user_agent
    from (values (true)) as one (row)
    left join public.track_archiving_policies as own on own.provider = lower(btrim(_provider))
    left join public.track_archiving_policies as others on others.provider = '*'
  ) as policy;
end;
