-- Why: one function says when a track is due and when its provider deletes it; triggers, planning,
--   claims, worklist and statistics all ask it.
-- Lock: none on tables of the app.
-- Again: functions are replaced.
set local lock_timeout = '3s';

-- A moment written by a provider: ISO 8601 (UTC where no zone is given) or Unix time in seconds or
-- milliseconds. Null for everything else; it is user input, so it must never raise.
create or replace function archiver.parse_expiry(_text text) returns timestamptz
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
  _moment timestamptz;
begin
  if _text ~ '^\d{9,13}(\.\d{1,6})?$' then
    _moment := to_timestamp((_text::numeric / case when _text::numeric < 1e11 then 1 else 1000 end)::float8);
  elsif _text ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
    _moment := _text::timestamptz;
  end if;
  return case when _moment between '2000-01-01Z' and '2200-01-01Z' then _moment end;
exception when data_exception then
  return null;
end
$$;

-- due_at: when to archive. expires_at: when the provider deletes. A known expiry wins over the
-- retention of the policy and pulls the due date forward, never back. A created_at in the future,
-- which is user input, cannot postpone. Seconds, not days, so that no session's time zone counts.
-- A body of this form is bound to its names once and for all, and the planner inlines it: worklist and
-- statistics run over a million rows in seconds, which a `set` clause would forbid.
create or replace function archiver.track_timing(_provider text, _created_at timestamptz, _metadata jsonb)
returns table (due_at timestamptz, expires_at timestamptz, allowed_hosts text[], user_agent text)
language sql stable
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
      case when _metadata ? 'expires_at' then
        date_trunc('milliseconds', archiver.parse_expiry(_metadata ->> 'expires_at')) end as known
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

revoke all on function archiver.parse_expiry(text) from public, anon, authenticated;
revoke all on function archiver.track_timing(text, timestamptz, jsonb) from public, anon, authenticated;
grant execute on function archiver.parse_expiry(text) to service_role;
grant execute on function archiver.track_timing(text, timestamptz, jsonb) to service_role;
