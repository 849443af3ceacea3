-- Why: users read their own jobs and may ask for their own track to be archived; all else is the service's.
--   Every other policy and grant on the table goes, those of the replaced system among them:
--   its "Service can manage jobs" had no `to` clause and opened all jobs to every role.
-- Lock: public.track_archiving_jobs access exclusive, milliseconds: catalogue only.
-- Again: the same policies are made anew.
set local lock_timeout = '3s';

do $$
declare
  _policy text;
begin
  for _policy in
    select policyname from pg_catalog.pg_policies
    where schemaname = 'public' and tablename = 'track_archiving_jobs'
  loop
    execute format('drop policy %I on public.track_archiving_jobs', _policy);
  end loop;
end
$$;

alter table public.track_archiving_jobs enable row level security;
revoke all on public.track_archiving_jobs from public, anon, authenticated;
grant select on public.track_archiving_jobs to authenticated;
grant insert (track_id, user_id, status) on public.track_archiving_jobs to authenticated;
grant all on public.track_archiving_jobs to service_role;

create policy "Users can read own archiving jobs" on public.track_archiving_jobs
  for select to authenticated using (user_id = (select auth.uid()));

create policy "Users can archive own tracks" on public.track_archiving_jobs
  for insert to authenticated with check (
    requested
    and status = 'pending'
    and user_id = (select auth.uid())
    and exists (
      select from public.tracks as t
      where t.id = track_id and t.user_id = (select auth.uid())
        and t.status = 'completed' and t.archived_to_storage is not true
    )
  );

create policy "Service can manage jobs" on public.track_archiving_jobs
  for all to service_role using (true) with check (true);
