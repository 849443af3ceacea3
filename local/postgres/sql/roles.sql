-- The roles of a Supabase cluster. Runs at every start, as the superuser; the password is filled in by
-- database.ts. `postgres` is no superuser there, and owns nothing in auth, storage, net and vault.
-- The password is long and random: thousands of rounds would only slow each connection down. From PostgreSQL 16 on.
select set_config(name, '1', false) from pg_settings where name = 'scram_iterations';

do $roles$
declare
  _role text;
begin
  foreach _role in array array[
    'anon nologin noinherit',
    'authenticated nologin noinherit',
    'service_role nologin noinherit bypassrls',
    'authenticator login noinherit',
    'supabase_auth_admin login noinherit createrole',
    'supabase_storage_admin login noinherit createrole',
    'supabase_functions_admin login noinherit createrole',
    'postgres login createdb createrole replication bypassrls'
  ] loop
    if not exists (select from pg_roles where rolname = split_part(_role, ' ', 1)) then
      execute 'create role ' || _role;
    end if;
    if _role like '% login %' then
      execute format('alter role %I password %L', split_part(_role, ' ', 1), $password);
    end if;
  end loop;
  execute format('alter role supabase_admin password %L', $password);
end
$roles$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant anon, authenticated, service_role to supabase_storage_admin;

-- On Supabase the supautils library lets postgres write policies on storage.objects without owning
-- it. Membership stands in for that here, and an event trigger in storage.sql refuses all other DDL.
grant supabase_storage_admin to postgres;

alter role postgres set search_path to "$user", public, extensions;
alter role supabase_admin set search_path to "$user", public, extensions;
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
