-- Why: the enqueue endpoint is nudged by a small signed webhook through pg_net; it is no record, and the sweep finds what it
--   missed. The stock database webhook is unsigned, keeps its secret in the trigger's definition and posts the whole row; over
--   64 KB have been reported to hang pg_net's worker (supabase/pg_net#225).
-- Lock: none on tables of the app.
-- Again: functions are replaced.
set local lock_timeout = '500ms';

-- Vault's address and secrets of the webhook, or nothing.
create or replace function archiver.webhook_target(out url text, out secrets text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_url')), ''),
    nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_secret')), '')
  from vault.decrypted_secrets as s
  where s.name in ('track_archiver_webhook_url', 'track_archiver_webhook_secret')
$$;

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
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg('v1,' || encode(archiver.hmac_sha256(
    convert_to(_content, 'UTF8'), decode(regexp_replace(secret, '^whsec_', ''), 'base64')), 'base64'), ' ')
  from regexp_split_to_table(btrim(_secrets), '\s+') as secret
$$;

-- Only what the endpoint needs, and bounded: users can write long texts into their rows.
create or replace function archiver.webhook_record(_track public.tracks) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when _track.id is not null then jsonb_build_object(
    'id', _track.id,
    'user_id', _track.user_id,
    'status', left(_track.status::text, 100),
    'provider', left(_track.provider::text, 100),
    'archive_scheduled_at', _track.archive_scheduled_at,
    'archived_to_storage', coalesce(_track.archived_to_storage, false)) end
$$;

-- One webhook; the text of the body is what pg_net sends, so it is what is signed.
create or replace function archiver.send_webhook(_event text, _new public.tracks, _old public.tracks, _url text, _secrets text)
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  _id text := 'msg_' || gen_random_uuid();
  _timestamp text := floor(extract(epoch from archiver.clock()))::bigint::text;
  _body jsonb := jsonb_build_object('type', _event, 'table', 'tracks', 'schema', 'public',
    'record', archiver.webhook_record(_new), 'old_record', archiver.webhook_record(_old));
begin
  perform net.http_post(
    url := _url,
    body := _body,
    headers := jsonb_build_object(
      'Content-Type', 'application/json',
      'webhook-id', _id,
      'webhook-timestamp', _timestamp,
      'webhook-signature', archiver.webhook_signatures(_id || '.' || _timestamp || '.' || _body::text, _secrets)),
    timeout_milliseconds := 5000);
end $$;
