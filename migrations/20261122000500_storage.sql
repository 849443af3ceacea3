-- Why: the three buckets of the spec with their limits, who may do what with their files, and what Storage's own catalogue says
--   of one. An asset is recorded as stored only if the catalogue has it with the bytes that the worker counted: no bug of a
--   worker gets past it, and it costs no request to Storage.
-- Lock: storage.objects access exclusive, milliseconds: catalogue only.
-- Again: limits are set back to the spec's; types that the app added to a bucket stay.
set local lock_timeout = '500ms';

do $$ begin
  if not has_table_privilege('service_role', 'storage.objects', 'select') then
    raise exception 'service_role cannot read storage.objects: no track could ever be archived'
      using hint = 'grant usage on schema storage to service_role; grant select on storage.objects to service_role';
  end if;
end $$;

insert into storage.buckets as b (id, name, public, file_size_limit, allowed_mime_types) values
  ('tracks-audio', 'tracks-audio', true, 100 * 1024 * 1024, array[
    'audio/mpeg', 'audio/mp3', 'audio/wav', 'audio/x-wav', 'audio/wave', 'audio/flac', 'audio/x-flac',
    'audio/ogg', 'audio/opus', 'audio/aac', 'audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/webm']),
  ('tracks-covers', 'tracks-covers', true, 10 * 1024 * 1024, array[
    'image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'image/apng']),
  ('tracks-videos', 'tracks-videos', true, 500 * 1024 * 1024, array['video/mp4', 'video/webm'])
on conflict (id) do update
set public = excluded.public,
  file_size_limit = excluded.file_size_limit,
  allowed_mime_types = excluded.allowed_mime_types || array(
    select mime from unnest(b.allowed_mime_types) as mime where mime <> all (excluded.allowed_mime_types));

-- The public address of a public bucket needs no policy; one for everybody would let anon list every user and track.
drop policy if exists "Track files are readable by everybody" on storage.objects;
do $$ declare _policy record;
begin
  for _policy in select * from (values ('list', 'select', 'using'), ('upload', 'insert', 'with check'), ('delete', 'delete', 'using'))
    as own (verb, command, clause) loop
    execute format('drop policy if exists "Users can %s own track files" on storage.objects', _policy.verb);
    execute format('create policy "Users can %s own track files" on storage.objects for %s to authenticated
      %s (bucket_id in (''tracks-audio'', ''tracks-covers'', ''tracks-videos'')
        and (storage.foldername(name))[1] = (select auth.uid())::text)', _policy.verb, _policy.command, _policy.clause);
  end loop;
end $$;

-- Policies add up: one of the app's own that forgets the folder still opens it.
do $$ declare _policy record;
begin
  for _policy in select policyname, cmd from pg_catalog.pg_policies
    where schemaname = 'storage' and tablename = 'objects' and permissive = 'PERMISSIVE'
      and roles && array['public', 'anon', 'authenticated']::name[]
      and concat(qual, with_check) ~ 'tracks-(audio|covers|videos)'
      and concat(qual, with_check) !~ 'auth\.(uid|jwt|role)\(' loop
    raise warning 'the policy "%" on storage.objects lets users % track files of others: drop it',
      _policy.policyname, replace(lower(_policy.cmd), 'select', 'list');
  end loop;
end $$;

-- The object that an address of Storage names, in any bucket; nulls for other addresses. Names that need escapes are not ours.
create or replace function archiver.object_of(_url text, out bucket_id text, out object_name text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare _parts text[] := regexp_match(_url, '^https?://[^/?#]+/storage/v1/object/(?:public|sign|authenticated)/([^/?#%]+)/([^?#%]+)');
begin
  bucket_id := _parts[1];
  object_name := _parts[2];
end $$;

-- Bytes of an object by Storage's catalogue, or null. A Storage that keeps versions (supabase/storage, migrations/tenant 0062
-- and later) has former ones beside the current one; an older Storage lacks these columns, which to_jsonb bears. The name is
-- compared in both collations, so that whichever index of Storage's there is serves.
create or replace function archiver.stored_bytes(_bucket_id text, _object_name text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
    select (o.metadata ->> 'size')::bigint
    from storage.objects as o
    where o.bucket_id = _bucket_id and o.name = _object_name and o.name collate "C" = _object_name
      and to_jsonb(o) ->> 'archived_at' is null and not to_jsonb(o) @> '{"is_delete_marker": true}');
end $$;
