-- Why: the enqueue endpoint hears of a track by a small signed webhook, sent by pg_net after the commit.
--   The stock database webhook is unsigned, keeps its secret in the trigger's definition and posts the
--   whole row; over 64 KB have been reported to hang pg_net's worker (supabase/pg_net#225).
--   What gets lost is found again by the sweep.
-- Lock: public.tracks share row exclusive, milliseconds: catalogue only (writes wait, reads do not).
-- Again: functions and triggers are replaced.
set local lock_timeout = '3s';

-- HMAC is pgcrypto's, which Supabase has in `extensions`; a body of this form is bound to it, wherever it is.
create extension if not exists pgcrypto with schema extensions;
do $$
begin
  execute format(
    'create or replace function archiver.hmac_sha256(_message bytea, _key bytea) returns bytea
    language sql immutable return %s.hmac(_message, _key, ''sha256'')',
    (select extnamespace::regnamespace from pg_catalog.pg_extension where extname = 'pgcrypto'));
end
$$;

-- Standard Webhooks: one signature for each of the space-separated `whsec_<base64>` secrets.
create or replace function archiver.webhook_signatures(_content text, _secrets text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select string_agg('v1,' || encode(archiver.hmac_sha256(
    convert_to(_content, 'UTF8'), decode(regexp_replace(secret, '^whsec_', ''), 'base64')), 'base64'), ' ')
  from regexp_split_to_table(btrim(_secrets), '\s+') as secret
$$;

-- Only what the endpoint needs, and bounded: users can write long texts into their rows.
create or replace function archiver.announced_columns(_track public.tracks) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'id', _track.id,
    'user_id', _track.user_id,
    'status', left(_track.status::text, 100),
    'provider', left(_track.provider::text, 100),
    'archive_scheduled_at', _track.archive_scheduled_at,
    'archived_to_storage', coalesce(_track.archived_to_storage, false))
$$;

-- Never makes the statement of the app fail, and does not wait: after one lock that was not to be had in
-- 100 ms, the rest of the transaction is left to the sweep.
create or replace function archiver.announce_track() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
declare
  _url text;
  _secrets text;
  _id text := 'msg_' || gen_random_uuid();
  _timestamp text;
  _body jsonb;
begin
  if current_setting('archiver.announcements_blocked', true) = 'yes' then
    return null;
  end if;
  select max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_url'),
    max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_secret')
  into _url, _secrets
  from vault.decrypted_secrets as s
  where s.name in ('track_archiver_webhook_url', 'track_archiver_webhook_secret');
  if coalesce(btrim(_url), '') = '' or coalesce(btrim(_secrets), '') = '' then
    raise exception 'Vault has no track_archiver_webhook_url or no track_archiver_webhook_secret';
  end if;

  _body := jsonb_build_object(
    'type', tg_op,
    'table', tg_table_name,
    'schema', tg_table_schema,
    'record', case when tg_op <> 'DELETE' then archiver.announced_columns(new) end,
    'old_record', case when tg_op <> 'INSERT' then archiver.announced_columns(old) end);
  _timestamp := floor(extract(epoch from archiver.clock()))::bigint::text;
  -- The text of the body is what pg_net sends, so it is what is signed.
  perform net.http_post(
    url := btrim(_url),
    body := _body,
    headers := jsonb_build_object(
      'Content-Type', 'application/json',
      'webhook-id', _id,
      'webhook-timestamp', _timestamp,
      'webhook-signature', archiver.webhook_signatures(_id || '.' || _timestamp || '.' || _body::text, _secrets)),
    timeout_milliseconds := 5000);
  return null;
exception when others then
  if sqlstate = '55P03' then
    perform set_config('archiver.announcements_blocked', 'yes', true);
  end if;
  raise warning 'track %: not announced, the sweep will find it: %', coalesce(new.id, old.id), sqlerrm;
  return null;
end
$$;

revoke all on function archiver.hmac_sha256(bytea, bytea) from public, anon, authenticated;
revoke all on function archiver.webhook_signatures(text, text) from public, anon, authenticated;
revoke all on function archiver.announced_columns(public.tracks) from public, anon, authenticated;
revoke all on function archiver.announce_track() from public, anon, authenticated;

create or replace trigger track_archiving_900_announce_insert after insert on public.tracks
  for each row when (new.status = 'completed' and new.archived_to_storage is not true)
  execute function archiver.announce_track();
-- Completion, new sources, another due date; or no longer completed.
create or replace trigger track_archiving_900_announce_update after update on public.tracks
  for each row when (
    (new.status = 'completed' and new.archived_to_storage is not true and
      (old.status, old.audio_url, old.cover_url, old.video_url, old.archive_scheduled_at)
      is distinct from
      (new.status, new.audio_url, new.cover_url, new.video_url, new.archive_scheduled_at))
    or (old.status = 'completed' and new.status is distinct from 'completed'))
  execute function archiver.announce_track();
create or replace trigger track_archiving_900_announce_delete after delete on public.tracks
  for each row when (old.status = 'completed')
  execute function archiver.announce_track();
