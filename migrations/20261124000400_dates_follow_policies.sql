-- Why: a policy that becomes shorter, or that the replaced system did not have, must reach tracks that wait already: their
--   date was worked out when they were completed, and what expires follows the policy of today.
-- Lock: none beyond rows.
-- Again: the function is replaced.
set local lock_timeout = '3s';

-- Gives so many waiting tracks the earlier date that their policy has now, the most urgent first; answers how many it
-- were. Never a later one. No webhook goes out: the sweep goes on with them at its own pace.
create or replace function public.move_archive_dates_forward(_limit integer) returns integer
language plpgsql set search_path = ''
as $$
declare
  _moved integer;
begin
  perform set_config('archiver.announcements_blocked', 'yes', true);
  with late as (
    select t.id, timing.due_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.status = 'completed' and t.archived_to_storage is not true
      and t.archive_scheduled_at > (select archiver.clock())
      and timing.due_at < t.archive_scheduled_at
    order by timing.expires_at, t.id
    limit greatest(_limit, 0)
    for no key update of t skip locked
  )
  update public.tracks as t set archive_scheduled_at = late.due_at from late where t.id = late.id;
  get diagnostics _moved = row_count;
  return _moved;
end
$$;

revoke all on function public.move_archive_dates_forward(integer) from public, anon, authenticated;
grant execute on function public.move_archive_dates_forward(integer) to service_role;
