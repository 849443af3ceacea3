-- Why: the owner of a track that could not be saved is told. An app that has notifications keeps its own
--   table as it is; if our row does not fit there, that is recorded in the job and fails nothing.
-- Lock: none on tables of the app.
-- Again: skipped where the table is.
set local lock_timeout = '3s';

do $$
begin
  if to_regclass('public.notifications') is not null then
    return;
  end if;
  create table public.notifications (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    type text not null check (type in ('info', 'success', 'warning', 'error')),
    title text not null,
    message text not null,
    link text,
    read boolean not null default false,
    created_at timestamptz not null default now()
  );
  create index notifications_user on public.notifications (user_id, created_at desc);

  alter table public.notifications enable row level security;
  revoke all on public.notifications from public, anon, authenticated;
  grant select, delete, update (read) on public.notifications to authenticated;
  grant all on public.notifications to service_role;
  create policy "Users can read own notifications" on public.notifications
    for select to authenticated using (user_id = (select auth.uid()));
  create policy "Users can mark own notifications" on public.notifications
    for update to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
  create policy "Users can delete own notifications" on public.notifications
    for delete to authenticated using (user_id = (select auth.uid()));
end
$$;

grant insert on public.notifications to service_role;

-- Returns why the owner could not be told, or null. Waits for nobody's lock for long: it runs inside
-- the transaction that records the failure.
create or replace function archiver.notify_owner(_user_id uuid, _track_id uuid, _title text) returns text
language plpgsql set search_path = '' set lock_timeout = '1s'
as $$
declare
  _language text := (select language from public.track_archiving_settings);
begin
  insert into public.notifications (user_id, type, title, message, link)
  values (
    _user_id,
    'warning',
    case _language when 'en' then 'Track could not be archived' else 'Не удалось архивировать трек' end,
    format(
      case _language
        when 'en' then 'Track "%s" was not saved. It may become unavailable.'
        else 'Трек "%s" не был сохранен. Он может стать недоступен.'
      end, _title),
    '/workspace/library?track=' || _track_id
  );
  return null;
exception when others then
  return sqlerrm;
end
$$;
revoke all on function archiver.notify_owner(uuid, uuid, text) from public, anon, authenticated;
grant execute on function archiver.notify_owner(uuid, uuid, text) to service_role;
