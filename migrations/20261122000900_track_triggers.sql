-- Why: what a statement on the app's table does to the record: dates, jobs, counts, and a small signed webhook through pg_net that
--   nudges the enqueue endpoint. The stock database webhook is unsigned, keeps its secret in the trigger's definition and posts
--   the whole row; over 64 KB have been reported to hang pg_net's worker (supabase/pg_net#225). Nothing here makes the app's
--   statement fail or wait, and what one statement may cost is bounded: the sweep finds what was left out.
-- Lock: public.tracks share row exclusive, milliseconds: catalogue only (writes wait, reads do not).
-- Again: functions and triggers are replaced.
set local lock_timeout = '500ms';

-- Vault's address and secrets of the webhook, or nulls. What follows is plpgsql, which keeps its plans.
create or replace function archiver.webhook_target(out url text, out secrets text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  select nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_url')), ''),
    nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_secret')), '')
  into url, secrets from vault.decrypted_secrets as s
  where s.name in ('track_archiver_webhook_url', 'track_archiver_webhook_secret');
end $$;

-- HMAC is pgcrypto's, which Supabase has in `extensions`; a body of this form is bound to it, wherever it is.
create extension if not exists pgcrypto with schema extensions;
do $$ begin
  execute format(
    'create or replace function archiver.hmac_sha256(_message bytea, _key bytea) returns bytea
    language sql immutable return %s.hmac(_message, _key, ''sha256'')',
    (select extnamespace::regnamespace from pg_catalog.pg_extension where extname = 'pgcrypto'));
end $$;

-- Standard Webhooks: one signature for each of the space-separated `whsec_<base64>` secrets.
create or replace function archiver.webhook_signatures(_content text, _secrets text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare _each text; _signatures text;
begin
  foreach _each in array string_to_array(regexp_replace(btrim(_secrets), '\s+', ' ', 'g'), ' ') loop
    _signatures := concat_ws(' ', _signatures, 'v1,' || encode(archiver.hmac_sha256(
      convert_to(_content, 'UTF8'), decode(regexp_replace(_each, '^whsec_', ''), 'base64')), 'base64'));
  end loop;
  return _signatures;
end $$;

-- Only what the endpoint needs of a track, and bounded: users can write long texts into their rows.
create or replace function archiver.webhook_record(_track public.tracks) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return case when _track.id is not null then jsonb_build_object('id', _track.id, 'user_id', _track.user_id,
    'status', left(_track.status::text, 100), 'provider', left(_track.provider::text, 100),
    'archive_scheduled_at', _track.archive_scheduled_at,
    'archived_to_storage', coalesce(_track.archived_to_storage, false)) end;
end $$;

-- One webhook; the text of the body is what pg_net sends, so it is what is signed.
create or replace function archiver.send_webhook(_event text, _changed jsonb, _url text, _secrets text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  _id text := 'msg_' || gen_random_uuid();
  _timestamp text := floor(extract(epoch from archiver.clock()))::bigint::text;
  _body jsonb := jsonb_build_object('type', _event, 'table', 'tracks', 'schema', 'public') || _changed;
begin
  perform net.http_post(url := _url, body := _body, timeout_milliseconds := 5000,
    headers := jsonb_build_object('Content-Type', 'application/json', 'webhook-id', _id, 'webhook-timestamp', _timestamp,
      'webhook-signature', archiver.webhook_signatures(_id || '.' || _timestamp || '.' || _body::text, _secrets)));
end $$;

-- Counts up to a bound in this transaction; false beyond it, where the setting says so to the triggers' conditions.
create or replace function archiver.is_within(_what text, _most integer, _more integer default 1) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare _name text := 'archiver.' || _what;
  _count integer := coalesce(nullif(current_setting(_name, true), ''), '0')::integer;
begin
  if _count + _more > _most then
    perform set_config(_name || '_full', 'yes', true);
    return false;
  end if;
  perform set_config(_name, (_count + _more)::text, true);
  return true;
end $$;

-- Runs as the role of the statement, and only where a protected column really changes.
create or replace function archiver.guard_archive_columns() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if pg_has_role(current_user, 'service_role', 'usage')
    or pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return new;
  end if;
  -- An upsert of a whole row comes by here before its conflict is found; a row that is there already cannot be inserted, and
  -- what an update changes is checked again. Locked, so that it is not deleted before the insert.
  if tg_op = 'INSERT' then
    perform from public.tracks as t
    where t.id = new.id
      and (t.archived_to_storage, t.storage_audio_url, t.storage_cover_url, t.storage_video_url,
        t.archive_scheduled_at, t.archived_at)
      is not distinct from
      (new.archived_to_storage, new.storage_audio_url, new.storage_cover_url, new.storage_video_url,
        new.archive_scheduled_at, new.archived_at)
    for key share;
    if found then return new; end if;
  end if;
  raise exception 'the archive columns of a track are set by the archiver alone' using errcode = 'insufficient_privilege';
end $$;

-- The date of a completed track. What cannot be worked out at once stays null, and the sweep fills it in. What is archived
-- stays archived; a new source of an archived track is due at once.
create or replace function public.schedule_track_archiving() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare _due boolean := new.archive_scheduled_at is null;
begin
  if new.status is distinct from 'completed' then
    if new.archived_to_storage is not true then
      new.archive_scheduled_at := null;
    end if;
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.archived_to_storage is true or exists (select from public.tracks as t where t.id = new.id) then -- an upsert
      return new;
    end if;
  elsif new.archived_to_storage is true then
    if archiver.is_new_source(old.audio_url, new.audio_url, new.storage_audio_url)
      or archiver.is_new_source(old.cover_url, new.cover_url, new.storage_cover_url)
      or archiver.is_new_source(old.video_url, new.video_url, new.storage_video_url) then
      new.archive_scheduled_at := archiver.clock();
    end if;
    return new;
  else
    _due := _due or new.archive_scheduled_at is not distinct from old.archive_scheduled_at and (
      old.status is distinct from new.status
      or old.provider is distinct from new.provider
      or old.created_at is distinct from new.created_at
      or old.metadata ->> 'expires_at' is distinct from new.metadata ->> 'expires_at');
  end if;
  if _due and archiver.is_within('dates', 1000) then
    new.archive_scheduled_at := null;
    lock table public.track_archiving_policies in access share mode nowait;
    select timing.due_at into new.archive_scheduled_at
    from archiver.track_timing(new.provider::text, new.created_at, new.metadata) as timing;
  end if;
  return new;
exception when others then
  raise warning 'track %: its archiving is not scheduled yet: %', new.id, sqlerrm;
  return new;
end $$;

-- Says that a row of this statement is our business: only then does anything of ours run after it.
create or replace function archiver.touch_tracks() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('archiver.touched', 'yes', true);
  return coalesce(new, old);
end $$;

-- What a statement did to the number of archived tracks, and of completed ones that are not; sums are archive_statistics.
create or replace function archiver.count_changes(_archived bigint, _waiting bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if _archived <> 0 or _waiting <> 0 then
    insert into archiver.track_counts (archived, waiting) values (_archived, _waiting);
  end if;
end $$;

-- The jobs of tracks whose date has changed: what was arranged for the former date is not waited for.
create or replace function archiver.move_jobs(_track_ids uuid[]) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  update public.track_archiving_jobs as j
  set due_at = coalesce(t.archive_scheduled_at, timing.due_at), expires_at = timing.expires_at,
    next_check_at = case when j.status = 'processing' or j.next_check_at is null then j.next_check_at
      else least(j.next_check_at, archiver.clock() + interval '5 minutes') end
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  where t.id = any (_track_ids) and j.track_id = t.id and j.status <> 'completed' and j.is_latest
$$;

-- Counts; then the jobs of what this statement completed or gave new sources, which are the record; then a webhook for each
-- track whose schedule may have to change, so many a transaction. Each in a block of its own: what one cannot do undoes nothing
-- of the others.
create or replace function archiver.follow_tracks() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare _opened uuid[] := '{}'; _moved uuid[] := '{}'; _announced jsonb[] := '{}'; _changed jsonb; _target record;
begin
  perform set_config('archiver.touched', '', true);
  begin
    if tg_op <> 'DELETE' then
      perform archiver.count_changes(count(*) filter (where n.archived_to_storage),
        count(*) filter (where n.status = 'completed' and n.archived_to_storage is not true)) from added as n;
    end if;
    if tg_op <> 'INSERT' then
      perform archiver.count_changes(- count(*) filter (where o.archived_to_storage),
        - count(*) filter (where o.status = 'completed' and o.archived_to_storage is not true)) from gone as o;
    end if;
  exception when others then
    raise warning 'tracks are not counted, run select archiver.recount_tracks(): %', sqlerrm;
  end;
  if current_setting('archiver.suppressed', true) = 'yes' then return null; end if;
  begin
    if tg_op = 'INSERT' then
      _opened := array(select n.id from added as n
        where n.status = 'completed' and n.archived_to_storage is not true limit 1000);
      _announced := array(select jsonb_build_object('record', archiver.webhook_record(n), 'old_record', null) from added as n
        where n.status = 'completed' and n.archived_to_storage is not true limit 500);
    elsif tg_op = 'UPDATE' then
      _opened := array(select n.id from added as n join gone as o on o.id = n.id
        where n.status = 'completed' and case when n.archived_to_storage is true
          then archiver.is_new_source(o.audio_url, n.audio_url, n.storage_audio_url)
            or archiver.is_new_source(o.cover_url, n.cover_url, n.storage_cover_url)
            or archiver.is_new_source(o.video_url, n.video_url, n.storage_video_url)
          else o.archived_to_storage is true or (o.status, o.user_id, o.audio_url, o.cover_url, o.video_url)
            is distinct from (n.status, n.user_id, n.audio_url, n.cover_url, n.video_url) end
        limit 1000);
      _moved := array(select n.id from added as n join gone as o on o.id = n.id
        where n.status = 'completed' and o.status = 'completed'
          and n.archive_scheduled_at is distinct from o.archive_scheduled_at
        limit 1000);
      _announced := array(
        select jsonb_build_object('record', archiver.webhook_record(n), 'old_record', archiver.webhook_record(o))
        from added as n join gone as o on o.id = n.id
        where n.status = 'completed' and (n.archived_to_storage is not true and
            (o.status, o.user_id, o.audio_url, o.cover_url, o.video_url)
              is distinct from (n.status, n.user_id, n.audio_url, n.cover_url, n.video_url)
            or o.archive_scheduled_at is distinct from n.archive_scheduled_at)
          or o.status = 'completed' and n.status is distinct from 'completed'
        limit 500);
    else
      _announced := array(select jsonb_build_object('record', null, 'old_record', archiver.webhook_record(o)) from gone as o
        where o.status = 'completed' limit 500);
    end if;
    if _opened <> '{}' and archiver.is_within('jobs', 1000, cardinality(_opened)) then
      if tg_op = 'UPDATE' then
        -- What is stored is a copy of what the track named before.
        perform archiver.snapshot_sources(o::public.tracks, o.archive_scheduled_at, null) from gone as o
        where o.id = any (_opened) and o.archived_to_storage is true
          and not exists (select from public.track_archiving_files as f where f.track_id = o.id);
      end if;
      lock table public.track_archiving_policies in access share mode nowait;
      lock table public.track_archiving_jobs in row exclusive mode nowait;
      perform from archiver.open_jobs(_opened);
    end if;
  exception when others then
    if sqlstate = '55P03' then
      perform set_config('archiver.suppressed', 'yes', true);
    end if;
    raise warning 'tracks have no job yet, the sweep will find them: %', sqlerrm;
  end;
  begin
    if _moved <> '{}' and archiver.is_within('moves', 1000, cardinality(_moved)) then
      lock table public.track_archiving_policies in access share mode nowait;
      perform archiver.move_jobs(_moved);
    end if;
  exception when others then
    raise warning 'jobs wait for the former date of their tracks: %', sqlerrm;
  end;
  begin
    foreach _changed in array _announced loop
      exit when not archiver.is_within('webhooks', 500);
      if _target is null then
        select * into _target from archiver.webhook_target();
      end if;
      if _target.url is null or _target.secrets is null then
        raise exception 'Vault has no track_archiver_webhook_url or no track_archiver_webhook_secret';
      end if;
      perform archiver.send_webhook(tg_op, _changed, _target.url, _target.secrets);
    end loop;
  exception when others then
    -- One lock that was not to be had is enough for a transaction.
    if sqlstate = '55P03' then
      perform set_config('archiver.webhooks', '500', true);
    end if;
    raise warning 'webhooks are not sent, the sweep will find the tracks: %', sqlerrm;
  end;
  return null;
end $$;

-- Triggers of one event fire in the order of their names: the guard sees what the user wrote, before the schedule adds what is
-- ours. The conditions keep all other updates of tracks free of any function call.
create or replace trigger track_archiving_100_guard_insert before insert on public.tracks
  for each row when (new.archived_to_storage is true or new.storage_audio_url is not null
    or new.storage_cover_url is not null or new.storage_video_url is not null
    or new.archive_scheduled_at is not null or new.archived_at is not null)
  execute function archiver.guard_archive_columns();
create or replace trigger track_archiving_100_guard_update before update on public.tracks
  for each row when (
    (old.archived_to_storage, old.storage_audio_url, old.storage_cover_url, old.storage_video_url,
      old.archive_scheduled_at, old.archived_at)
    is distinct from
    (new.archived_to_storage, new.storage_audio_url, new.storage_cover_url, new.storage_video_url,
      new.archive_scheduled_at, new.archived_at))
  execute function archiver.guard_archive_columns();
create or replace trigger track_archiving_500_schedule_insert before insert on public.tracks
  for each row when (new.status = 'completed' and current_setting('archiver.dates_full', true) is distinct from 'yes')
  execute function public.schedule_track_archiving();
create or replace trigger track_archiving_500_schedule_update before update on public.tracks
  for each row when ((
    (old.status, old.provider, old.created_at, old.audio_url, old.cover_url, old.video_url)
    is distinct from
    (new.status, new.provider, new.created_at, new.audio_url, new.cover_url, new.video_url)
    or old.metadata ->> 'expires_at' is distinct from new.metadata ->> 'expires_at')
    and not (new.status = 'completed' and new.archived_to_storage is not true and new.archive_scheduled_at is null
      and current_setting('archiver.dates_full', true) is not distinct from 'yes'))
  execute function public.schedule_track_archiving();
create or replace trigger track_archiving_700_touch_insert before insert on public.tracks
  for each row when ((new.status = 'completed' or new.archived_to_storage)
    and current_setting('archiver.touched', true) is distinct from 'yes')
  execute function archiver.touch_tracks();
create or replace trigger track_archiving_700_touch_update before update on public.tracks
  for each row when (
    (old.status, old.user_id, old.audio_url, old.cover_url, old.video_url, old.archived_to_storage, old.archive_scheduled_at)
    is distinct from
    (new.status, new.user_id, new.audio_url, new.cover_url, new.video_url, new.archived_to_storage, new.archive_scheduled_at)
    and current_setting('archiver.touched', true) is distinct from 'yes')
  execute function archiver.touch_tracks();
create or replace trigger track_archiving_700_touch_delete before delete on public.tracks
  for each row when ((old.status = 'completed' or old.archived_to_storage)
    and current_setting('archiver.touched', true) is distinct from 'yes')
  execute function archiver.touch_tracks();
create or replace trigger track_archiving_900_follow_insert after insert on public.tracks
  referencing new table as added
  for each statement when (current_setting('archiver.touched', true) = 'yes') execute function archiver.follow_tracks();
create or replace trigger track_archiving_900_follow_update after update on public.tracks
  referencing old table as gone new table as added
  for each statement when (current_setting('archiver.touched', true) = 'yes') execute function archiver.follow_tracks();
create or replace trigger track_archiving_900_follow_delete after delete on public.tracks
  referencing old table as gone
  for each statement when (current_setting('archiver.touched', true) = 'yes') execute function archiver.follow_tracks();
