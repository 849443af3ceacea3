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
-- which is user input, cannot postpone. In UTC, so that a day has 24 hours.
create or replace function archiver.track_timing(_provider text, _created_at timestamptz, _metadata jsonb)
returns table (due_at timestamptz, expires_at timestamptz, allowed_hosts text[], user_agent text)
language sql stable set search_path = '' set timezone = 'UTC'
as $$
  select
    least(base + p.archive_after, known - (p.retention - p.archive_after)),
    coalesce(known, base + p.retention),
    p.allowed_hosts,
    p.user_agent
  from greatest(least(_created_at, archiver.clock()), '2000-01-01Z') as base,
    archiver.parse_expiry(_metadata ->> 'expires_at') as known,
    lateral (
      select * from (
        select 1 as rank, q.retention, q.archive_after, q.allowed_hosts, q.user_agent
        from public.track_archiving_policies as q where q.provider = lower(btrim(_provider))
        union all
        select 2, q.retention, q.archive_after, q.allowed_hosts, q.user_agent
        from public.track_archiving_policies as q where q.provider = '*'
        union all
        -- Somebody deleted `*`: still in time, and no host is allowed.
        select 3, interval '15 days', interval '13 days', '{}', 'track-archiver'
      ) as candidate
      order by rank limit 1
    ) as p
$$;

revoke all on function archiver.parse_expiry(text) from public, anon, authenticated;
revoke all on function archiver.track_timing(text, timestamptz, jsonb) from public, anon, authenticated;
grant execute on function archiver.parse_expiry(text) to service_role;
grant execute on function archiver.track_timing(text, timestamptz, jsonb) to service_role;
