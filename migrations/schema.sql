-- What the migrations make of an empty project: schemas public and archiver, and of storage the policies
-- and the buckets. Written by `npm run schema`; for reading and comparing, never applied.

create schema archiver;

create sequence archiver.fencing_tokens as bigint increment 1 minvalue 1 start 1;

create table public.notifications (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  type text not null,
  title text not null,
  message text not null,
  link text,
  read boolean default false not null,
  created_at timestamp with time zone default now() not null,
  constraint notifications_pkey PRIMARY KEY (id),
  constraint notifications_type_check CHECK ((type = ANY (ARRAY['info'::text, 'success'::text, 'warning'::text, 'error'::text]))),
  constraint notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);

create table public.track_archiving_jobs (
  id uuid default gen_random_uuid() not null,
  track_id uuid not null,
  user_id uuid not null,
  status text default 'pending'::text not null,
  original_audio_url text,
  original_cover_url text,
  original_video_url text,
  storage_audio_url text,
  storage_cover_url text,
  storage_video_url text,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  error_message text,
  metadata jsonb default '{}'::jsonb not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  attempt integer default 0 not null,
  workers_lost integer default 0 not null,
  fencing_token bigint,
  lease_expires_at timestamp with time zone,
  claimed_by text,
  error_code text,
  scheduled_for timestamp with time zone,
  scheduled_at timestamp with time zone,
  dispatched_at timestamp with time zone,
  expired_at timestamp with time zone,
  requested boolean default false not null,
  buried_at timestamp with time zone,
  constraint completed_is_dated CHECK (((status <> 'completed'::text) OR (completed_at IS NOT NULL))),
  constraint failed_has_code CHECK (((status <> 'failed'::text) OR (error_code IS NOT NULL))),
  constraint processing_is_leased CHECK (
CASE status
    WHEN 'processing'::text THEN ((fencing_token IS NOT NULL) AND (lease_expires_at IS NOT NULL) AND (started_at IS NOT NULL))
    ELSE (lease_expires_at IS NULL)
END),
  constraint track_archiving_jobs_attempt_check CHECK ((attempt >= 0)),
  constraint track_archiving_jobs_pkey PRIMARY KEY (id),
  constraint track_archiving_jobs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'processing'::text, 'completed'::text, 'failed'::text]))),
  constraint track_archiving_jobs_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE
);

create table public.track_archiving_policies (
  provider text not null,
  retention interval not null,
  archive_after interval not null,
  allowed_hosts text[] default '{}'::text[] not null,
  user_agent text default 'Mozilla/5.0 (compatible; track-archiver/1.0)'::text not null,
  constraint archived_before_expiry CHECK (((archive_after >= '00:00:00'::interval) AND (archive_after <= retention))),
  constraint hosts_are_hosts CHECK (((allowed_hosts)::text ~ '^\{((\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+(,(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+)*)?\}$'::text)),
  constraint track_archiving_policies_pkey PRIMARY KEY (provider),
  constraint track_archiving_policies_provider_check CHECK (((provider = lower(btrim(provider))) AND (provider <> ''::text))),
  constraint track_archiving_policies_retention_check CHECK ((retention > '00:00:00'::interval)),
  constraint track_archiving_policies_user_agent_check CHECK ((user_agent ~ '^[\x20-\x7e]+$'::text))
);

create table public.track_archiving_settings (
  only_row boolean default true not null,
  language text default 'ru'::text not null,
  installed_at timestamp with time zone default archiver.clock() not null,
  constraint track_archiving_settings_language_check CHECK ((language = ANY (ARRAY['ru'::text, 'en'::text]))),
  constraint track_archiving_settings_only_row_check CHECK (only_row),
  constraint track_archiving_settings_pkey PRIMARY KEY (only_row)
);

create table public.tracks (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  title text not null,
  prompt text default ''::text not null,
  status text default 'pending'::text not null,
  provider text,
  audio_url text,
  cover_url text,
  video_url text,
  metadata jsonb,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  archived_to_storage boolean default false,
  storage_audio_url text,
  storage_cover_url text,
  storage_video_url text,
  archive_scheduled_at timestamp with time zone,
  archived_at timestamp with time zone,
  constraint tracks_pkey PRIMARY KEY (id),
  constraint tracks_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);

CREATE INDEX notifications_user ON public.notifications USING btree (user_id, created_at DESC);

CREATE UNIQUE INDEX track_archiving_jobs_open ON public.track_archiving_jobs USING btree (track_id) WHERE (status = ANY (ARRAY['pending'::text, 'processing'::text]));

CREATE INDEX track_archiving_jobs_track ON public.track_archiving_jobs USING btree (track_id, created_at DESC);

CREATE INDEX track_archiving_jobs_user ON public.track_archiving_jobs USING btree (user_id, created_at DESC);

CREATE INDEX tracks_archiving_worklist ON public.tracks USING btree (archive_scheduled_at) WHERE ((status = 'completed'::text) AND (archived_to_storage IS NOT TRUE));

CREATE INDEX tracks_user_id ON public.tracks USING btree (user_id);

CREATE OR REPLACE FUNCTION archiver.accept_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  _open public.track_archiving_jobs;
begin
  perform from public.tracks as t
  where t.id = new.track_id and t.user_id = new.user_id and t.user_id = auth.uid()
    and t.status = 'completed' and t.archived_to_storage is not true
  for no key update;
  if not found or new.status <> 'pending' then
    raise exception 'new row violates row-level security policy for table "track_archiving_jobs"'
      using errcode = 'insufficient_privilege';
  end if;

  select * into _open from public.track_archiving_jobs as j
  where j.track_id = new.track_id and j.status in ('pending', 'processing') for update;
  if _open.status = 'processing' or _open.requested then
    return null;
  end if;
  update public.tracks set archive_scheduled_at = archiver.clock() where id = new.track_id;
  if _open.id is null then
    return new;
  end if;
  update public.track_archiving_jobs set requested = true where id = _open.id;
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.announce_track()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '100ms'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION archiver.announced_columns(_track public.tracks)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'id', _track.id,
    'user_id', _track.user_id,
    'status', left(_track.status::text, 100),
    'provider', left(_track.provider::text, 100),
    'archive_scheduled_at', _track.archive_scheduled_at,
    'archived_to_storage', coalesce(_track.archived_to_storage, false))
$function$
;

CREATE OR REPLACE FUNCTION archiver.cause_of_loss(_job public.track_archiving_jobs, _superseded boolean, _due_at timestamp with time zone, _expires_at timestamp with time zone, _schedules_since timestamp with time zone, _messages_since timestamp with time zone, _schedule_grace interval, _silence interval, _max_attempts integer, _retryable_codes text[])
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select case
    when _job.status is null or _job.status = 'completed' then 'unannounced'
    when _job.status = 'failed' then case
      when _job.error_code = 'replaced_system' or _superseded then 'unannounced'
      when _expires_at <= archiver.clock() then 'deadline_passed'
      -- Eight more chances between the due date and the expiry, six hours apart at most. An expiry may be whatever a
      -- user writes: there are no chances without end.
      when _job.error_code = any (_retryable_codes) and _due_at + interval '30 days' > archiver.clock()
        and _job.updated_at + least(interval '6 hours', (_expires_at - _due_at) / 8) <= archiver.clock()
        then 'failed_before'
    end
    when _job.status = 'processing' then case
      when _job.lease_expires_at > archiver.clock() then null
      when _job.workers_lost + 1 >= _max_attempts and not _superseded then 'workers_died'
      else 'lease_expired'
    end
    when greatest(_job.dispatched_at, _job.started_at) is not null and not _superseded then case
      when greatest(_job.dispatched_at, _job.started_at) < _messages_since
        or greatest(_job.dispatched_at, _job.started_at) + _silence <= archiver.clock() then 'message_lost'
    end
    when _job.scheduled_for = _due_at then case
      when coalesce(_job.scheduled_at, '-infinity') < _schedules_since
        or _due_at + _schedule_grace <= archiver.clock() then 'schedule_lost'
    end
    when _job.requested then 'requested'
    else 'unannounced'
  end
$function$
;

CREATE OR REPLACE FUNCTION archiver.check_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if new.status <> old.status
    and not (old.status = 'pending' and new.status = 'processing')
    and old.status <> 'processing'
  then
    raise exception 'an archiving job cannot go from % to %', old.status, new.status
      using errcode = 'check_violation';
  end if;
  if new.fencing_token is distinct from old.fencing_token then
    if new.fencing_token is null or new.fencing_token < old.fencing_token then
      raise exception 'the fencing token of an archiving job only grows' using errcode = 'check_violation';
    end if;
    if old.status = 'processing' and new.status = 'processing' and old.lease_expires_at > archiver.clock() then
      raise exception 'the archiving job is leased' using errcode = 'check_violation';
    end if;
  elsif old.status = 'pending' and new.status = 'processing' then
    raise exception 'a claim needs a fencing token of its own' using errcode = 'check_violation';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$ select date_trunc('milliseconds', now()) $function$
;

CREATE OR REPLACE FUNCTION archiver.follow_track()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
  _latest public.track_archiving_jobs;
  _asset text;
begin
  select * into _track from public.tracks as t where t.id = new.track_id;
  if not found then
    return new; -- the foreign key refuses it
  end if;

  if tg_op = 'INSERT' then
    new.created_at := archiver.clock();
    select * into _latest from public.track_archiving_jobs as j
    where j.track_id = new.track_id order by j.created_at desc limit 1;
    new.original_audio_url := _latest.original_audio_url;
    new.original_cover_url := _latest.original_cover_url;
    new.original_video_url := _latest.original_video_url;
    -- What the replaced system claims to have stored has no entry here: nobody looked at it.
    foreach _asset in array array['audio', 'cover', 'video'] loop
      if _latest.metadata -> 'assets' -> _asset ? 'stored_at' then
        new.metadata := jsonb_set(
          case when new.metadata ? 'assets' then new.metadata else new.metadata || '{"assets": {}}' end,
          array['assets', _asset], _latest.metadata -> 'assets' -> _asset);
      end if;
    end loop;
    new.storage_audio_url := case when new.metadata -> 'assets' ? 'audio' then _latest.storage_audio_url end;
    new.storage_cover_url := case when new.metadata -> 'assets' ? 'cover' then _latest.storage_cover_url end;
    new.storage_video_url := case when new.metadata -> 'assets' ? 'video' then _latest.storage_video_url end;
  end if;

  new.user_id := case when new.requested and tg_op = 'INSERT' then new.user_id else _track.user_id end;
  _track.audio_url := nullif(btrim(_track.audio_url), '');
  _track.cover_url := nullif(btrim(_track.cover_url), '');
  _track.video_url := nullif(btrim(_track.video_url), '');

  if new.original_audio_url is distinct from _track.audio_url then
    new.original_audio_url := _track.audio_url;
    new.storage_audio_url := null;
    new.metadata := new.metadata #- '{assets,audio}';
  end if;
  if new.original_cover_url is distinct from _track.cover_url then
    new.original_cover_url := _track.cover_url;
    new.storage_cover_url := null;
    new.metadata := new.metadata #- '{assets,cover}';
  end if;
  if new.original_video_url is distinct from _track.video_url then
    new.original_video_url := _track.video_url;
    new.storage_video_url := null;
    new.metadata := new.metadata #- '{assets,video}';
  end if;

  -- The app may have pointed a source at our own copy: that one is stored, by the service's own word.
  if _track.audio_url = _track.storage_audio_url then new.storage_audio_url := _track.audio_url; end if;
  if _track.cover_url = _track.storage_cover_url then new.storage_cover_url := _track.cover_url; end if;
  if _track.video_url = _track.storage_video_url then new.storage_video_url := _track.video_url; end if;

  new.updated_at := archiver.clock();
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.forget_former_sources()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if (new.original_audio_url, new.original_cover_url, new.original_video_url)
    is distinct from (old.original_audio_url, old.original_cover_url, old.original_video_url)
  then
    new.started_at := null;
    new.dispatched_at := null;
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.guard_archive_columns()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if pg_catalog.pg_has_role(current_user, 'service_role', 'usage')
    or pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage')
  then
    return new;
  end if;
  -- An upsert of a whole row comes by here before its conflict is found; a row that is there already
  -- cannot be inserted, and what an update changes is checked again.
  if tg_op = 'INSERT' and exists (
    select from public.tracks as t
    where t.id = new.id
      and (t.archived_to_storage, t.storage_audio_url, t.storage_cover_url, t.storage_video_url,
        t.archive_scheduled_at, t.archived_at)
      is not distinct from
      (new.archived_to_storage, new.storage_audio_url, new.storage_cover_url, new.storage_video_url,
        new.archive_scheduled_at, new.archived_at))
  then
    return new;
  end if;
  raise exception 'the archive columns of a track are set by the archiver alone'
    using errcode = 'insufficient_privilege';
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.hmac_sha256(_message bytea, _key bytea)
 RETURNS bytea
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  _inner bytea := decode(repeat('36', 64), 'hex');
  _outer bytea := decode(repeat('5c', 64), 'hex');
begin
  if length(_key) > 64 then
    _key := sha256(_key);
  end if;
  for _index in 0 .. length(_key) - 1 loop
    _inner := set_byte(_inner, _index, get_byte(_inner, _index) # get_byte(_key, _index));
    _outer := set_byte(_outer, _index, get_byte(_outer, _index) # get_byte(_key, _index));
  end loop;
  return sha256(_outer || sha256(_inner || _message));
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.is_new_source(_old text, _new text, _stored text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select btrim(_new) <> ''
    and btrim(_new) is distinct from btrim(_old)
    and btrim(_new) is distinct from _stored
    and _new !~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/'
$function$
;

CREATE OR REPLACE FUNCTION archiver.is_superseded(_job public.track_archiving_jobs, _audio_url text, _cover_url text, _video_url text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN ((((_job).original_audio_url IS DISTINCT FROM NULLIF(btrim(_audio_url), ''::text)) OR ((_job).original_cover_url IS DISTINCT FROM NULLIF(btrim(_cover_url), ''::text))) OR ((_job).original_video_url IS DISTINCT FROM NULLIF(btrim(_video_url), ''::text)))
;

CREATE OR REPLACE FUNCTION archiver.mark_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  new.requested := not (
    pg_catalog.pg_has_role(current_user, 'service_role', 'usage')
    or pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage')
  );
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.notify_owner(_user_id uuid, _track_id uuid, _title text)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
 SET lock_timeout TO '1s'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION archiver.open_late_job()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- Not a condition of the triggers: those run as the user of the app, who may not call the clock.
  if (new.archive_scheduled_at <= archiver.clock()) is not true then
    return null;
  end if;
  lock table public.track_archiving_policies in access share mode nowait;
  lock table public.track_archiving_jobs in row exclusive mode nowait;
  insert into public.track_archiving_jobs (track_id, user_id)
  select new.id, new.user_id
  from archiver.track_timing(new.provider::text, new.created_at, new.metadata) as timing
  where timing.expires_at <= archiver.clock()
  on conflict (track_id) where status in ('pending', 'processing') do nothing;
  return null;
exception when others then
  raise warning 'track %: completed late, and its job is not opened: %', new.id, sqlerrm;
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION archiver.parse_expiry(_text text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION archiver.stored_bytes(_asset text, _storage_url text)
 RETURNS bigint
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select (o.metadata ->> 'size')::bigint
  from (values ('audio', 'tracks-audio'), ('cover', 'tracks-covers'), ('video', 'tracks-videos')) as bucket (asset, id)
  join storage.objects as o on o.bucket_id = bucket.id
    and o.name = substring(_storage_url from '/storage/v1/object/public/' || bucket.id || '/(.+)$')
  where bucket.asset = _asset
    and to_jsonb(o) ->> 'archived_at' is null and not to_jsonb(o) @> '{"is_delete_marker": true}'
$function$
;

CREATE OR REPLACE FUNCTION archiver.track_timing(_provider text, _created_at timestamp with time zone, _metadata jsonb)
 RETURNS TABLE(due_at timestamp with time zone, expires_at timestamp with time zone, allowed_hosts text[], user_agent text)
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT LEAST((track.base + policy.archive_after), (track.known - (policy.retention - policy.archive_after))) AS "least",
     COALESCE(track.known, (track.base + policy.retention)) AS "coalesce",
     policy.allowed_hosts,
     policy.user_agent
    FROM ( SELECT date_trunc('milliseconds'::text, GREATEST(LEAST(track_timing._created_at, ( SELECT archiver.clock() AS clock)), '2000-01-01 00:00:00+00'::timestamp with time zone)) AS base,
                 CASE
                     WHEN (track_timing._metadata ? 'expires_at'::text) THEN date_trunc('milliseconds'::text, archiver.parse_expiry((track_timing._metadata ->> 'expires_at'::text)))
                     ELSE NULL::timestamp with time zone
                 END AS known) track,
     LATERAL ( SELECT make_interval(secs => (EXTRACT(epoch FROM COALESCE(own.retention, others.retention, '15 days'::interval)))::double precision) AS retention,
             make_interval(secs => (EXTRACT(epoch FROM COALESCE(own.archive_after, others.archive_after, '13 days'::interval)))::double precision) AS archive_after,
             COALESCE(own.allowed_hosts, others.allowed_hosts, '{}'::text[]) AS allowed_hosts,
             COALESCE(own.user_agent, others.user_agent, 'track-archiver'::text) AS user_agent
            FROM ((( VALUES (true)) one("row")
              LEFT JOIN public.track_archiving_policies own ON ((own.provider = lower(btrim(track_timing._provider)))))
              LEFT JOIN public.track_archiving_policies others ON ((others.provider = '*'::text)))) policy;
END
;

CREATE OR REPLACE FUNCTION archiver.webhook_signatures(_content text, _secrets text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select string_agg('v1,' || encode(archiver.hmac_sha256(
    convert_to(_content, 'UTF8'), decode(regexp_replace(secret, '^whsec_', ''), 'base64')), 'base64'), ' ')
  from regexp_split_to_table(btrim(_secrets), '\s+') as secret
$function$
;

CREATE OR REPLACE FUNCTION public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text)
 RETURNS TABLE(outcome text, job_id uuid, fencing_token bigint, attempt integer, lease_expires_at timestamp with time zone, user_id uuid, title text, provider text, expires_at timestamp with time zone, allowed_hosts text[], user_agent text, audio_url text, cover_url text, video_url text, storage_audio_url text, storage_cover_url text, storage_video_url text, gone text[])
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
begin
  if _lease_seconds is null or _lease_seconds < 1 then
    raise exception 'a lease lasts a second at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  outcome := case
    when not found then 'not_found'
    when _track.archived_to_storage is true then 'already_archived'
    when _track.status is distinct from 'completed' then 'not_completed'
  end;
  if outcome is not null then
    -- Its message ends here: a job left pending would tell a later completion that one is on its way.
    delete from public.track_archiving_jobs as j where j.track_id = _track_id and j.status = 'pending';
    return next;
    return;
  end if;

  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then
    outcome := 'busy';
    return next;
    return;
  end if;
  if _job.id is null then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  end if;

  update public.track_archiving_jobs as j
  set status = 'processing',
    attempt = j.attempt + 1,
    workers_lost = j.workers_lost + (j.status = 'processing')::integer,
    fencing_token = nextval('archiver.fencing_tokens'),
    lease_expires_at = archiver.clock() + make_interval(secs => _lease_seconds),
    claimed_by = left(_worker, 200),
    started_at = archiver.clock(),
    error_code = null,
    error_message = null
  where j.id = _job.id returning * into _job;

  outcome := 'claimed';
  job_id := _job.id;
  fencing_token := _job.fencing_token;
  attempt := _job.attempt;
  lease_expires_at := _job.lease_expires_at;
  user_id := _job.user_id;
  title := _track.title;
  provider := _track.provider;
  select timing.expires_at, timing.allowed_hosts, timing.user_agent into expires_at, allowed_hosts, user_agent
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  audio_url := _job.original_audio_url;
  cover_url := _job.original_cover_url;
  video_url := _job.original_video_url;
  storage_audio_url := _job.storage_audio_url;
  storage_cover_url := _job.storage_cover_url;
  storage_video_url := _job.storage_video_url;
  gone := array(
    select asset.key from jsonb_each(coalesce(_job.metadata -> 'assets', '{}')) as asset
    where asset.value @> '{"gone": true}' order by asset.key);
  return next;
end
$function$
;

CREATE OR REPLACE FUNCTION public.close_track_archiving(_track_id uuid, _error_code text, _error_message text, _buried boolean)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _expired boolean;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true then
    return 'ignored';
  end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id order by j.created_at desc limit 1 for update;

  if _job.status = 'pending' or _job.status = 'processing' and _job.lease_expires_at <= archiver.clock() then
    -- The track changed since it was listed: nobody has asked for what it names now.
    if _job.started_at is null or archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url) then
      return 'ignored';
    end if;
    update public.track_archiving_jobs
    set status = 'processing', fencing_token = nextval('archiver.fencing_tokens'),
      lease_expires_at = archiver.clock()
    where id = _job.id returning fencing_token into _job.fencing_token;
    perform public.fail_track_archiving(_job.id, _job.fencing_token, _error_code, concat_ws(
      '. Before: ', _error_message, _job.error_code || ': ' || coalesce(_job.error_message, '')));
    return 'closed';
  end if;

  select timing.expires_at <= archiver.clock() into _expired
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _job.status is distinct from 'failed' or _job.expired_at is not null then
    return 'ignored';
  end if;
  -- Any other failure wrote its dead letter when it happened.
  if _job.error_code in ('expired', 'worker_lost') and _job.buried_at is null then
    if not _buried then
      return case when _expired then 'closed' else 'ignored' end;
    end if;
    update public.track_archiving_jobs set buried_at = archiver.clock() where id = _job.id;
  end if;
  if not _expired then
    return 'ignored';
  end if;
  update public.track_archiving_jobs set expired_at = archiver.clock() where id = _job.id;
  return 'expired';
end
$function$
;

CREATE OR REPLACE FUNCTION public.complete_track_archiving(_job_id uuid, _fencing_token bigint)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _missing text;
  _asset text;
  _lost text[] := '{}';
begin
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return 'lease_lost';
  end if;

  if archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url) then
    update public.track_archiving_jobs
    set status = 'pending', lease_expires_at = null, claimed_by = null, dispatched_at = null,
      error_code = 'superseded', error_message = 'The sources of the track changed while they were copied.'
    where id = _job_id;
    return 'superseded';
  end if;

  select string_agg(asset.name, ', ') into _missing
  from (values
    ('audio', true, _job.storage_audio_url),
    ('cover', _job.original_cover_url is not null, _job.storage_cover_url),
    ('video', _job.original_video_url is not null, _job.storage_video_url)
  ) as asset (name, needed, stored)
  where asset.needed and asset.stored is null
    and (asset.name = 'audio' or not coalesce(_job.metadata -> 'assets' -> asset.name @> '{"gone": true}', false));
  if _missing is not null then
    raise exception 'track % cannot be complete: % neither stored nor gone', _track.id, _missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  -- Addresses that carry no entry of ours were given by the app: they are the service's own word.
  foreach _asset in array array['audio', 'cover', 'video'] loop
    if _job.metadata -> 'assets' -> _asset ? 'stored_at' and (_job.metadata -> 'assets' -> _asset ->> 'bytes')::bigint
      is distinct from archiver.stored_bytes(_asset, case _asset when 'audio' then _job.storage_audio_url
        when 'cover' then _job.storage_cover_url else _job.storage_video_url end)
    then
      _lost := _lost || _asset;
      _job.metadata := _job.metadata #- array['assets', _asset];
    end if;
  end loop;
  if _lost <> '{}' then
    update public.track_archiving_jobs
    set storage_audio_url = case when not 'audio' = any (_lost) then storage_audio_url end,
      storage_cover_url = case when not 'cover' = any (_lost) then storage_cover_url end,
      storage_video_url = case when not 'video' = any (_lost) then storage_video_url end,
      metadata = _job.metadata,
      updated_at = archiver.clock()
    where id = _job_id;
    return 'not_stored';
  end if;

  update public.tracks
  set archived_to_storage = true,
    archived_at = archiver.clock(),
    storage_audio_url = _job.storage_audio_url,
    storage_cover_url = _job.storage_cover_url,
    storage_video_url = _job.storage_video_url
  where id = _track.id;
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null,
    error_code = null, error_message = null, updated_at = archiver.clock()
  where id = _job_id;
  return 'completed';
end
$function$
;

CREATE OR REPLACE FUNCTION public.confirm_track_schedule(_job_id uuid, _due_at timestamp with time zone, _route text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
begin
  if _route is null or _route not in ('schedule', 'queue') then
    raise exception 'the route is either schedule or queue' using errcode = 'invalid_parameter_value';
  end if;
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true
    or _track.archive_scheduled_at is null
    or abs(extract(epoch from _track.archive_scheduled_at - _due_at)) >= 0.001
  then
    return false;
  end if;
  update public.track_archiving_jobs
  set scheduled_for = case _route when 'schedule' then _due_at else scheduled_for end,
    scheduled_at = case _route when 'schedule' then archiver.clock() else scheduled_at end,
    dispatched_at = case _route when 'queue' then archiver.clock() else dispatched_at end
  where id = _job_id and status = 'pending';
  return found;
end
$function$
;

CREATE OR REPLACE FUNCTION public.fail_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _superseded boolean;
  _told boolean;
  _untold text;
begin
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  if not found then
    return false;
  end if;

  _superseded := archiver.is_superseded(_job, _track.audio_url, _track.cover_url, _track.video_url);
  if _superseded then
    update public.tracks set archive_scheduled_at = archiver.clock()
    where id = _track.id and status = 'completed';
  else
    update public.tracks
    set storage_audio_url = coalesce(_job.storage_audio_url, storage_audio_url),
      storage_cover_url = coalesce(_job.storage_cover_url, storage_cover_url),
      storage_video_url = coalesce(_job.storage_video_url, storage_video_url)
    where id = _track.id
      and coalesce(_job.storage_audio_url, _job.storage_cover_url, _job.storage_video_url) is not null;
    _told := exists (
      select from public.track_archiving_jobs as j
      where j.track_id = _track.id and j.status = 'failed' and j.error_code <> 'replaced_system'
        and not j.metadata ? 'notification_error'
        and not archiver.is_superseded(j, _track.audio_url, _track.cover_url, _track.video_url));
    if not _told then
      _untold := archiver.notify_owner(_track.user_id, _track.id, _track.title);
    end if;
  end if;

  update public.track_archiving_jobs
  set status = 'failed', lease_expires_at = null,
    error_code = coalesce(_error_code, 'internal'), error_message = left(_error_message, 2000),
    metadata = case when _untold is null then metadata
      else metadata || jsonb_build_object('notification_error', _untold) end,
    updated_at = archiver.clock()
  where id = _job_id;
  return true;
end
$function$
;

CREATE OR REPLACE FUNCTION public.get_archiving_backlog()
 RETURNS TABLE(overdue bigint, near_expiry bigint)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select
    count(*) filter (where latest.status is distinct from 'failed'),
    count(*) filter (where timing.expires_at - (select archiver.clock()) < interval '2 days')
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as due_at) as due
  left join lateral (
    select j.status from public.track_archiving_jobs as j
    where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and timing.expires_at > (select archiver.clock())
    and due.due_at + least(interval '1 hour', (timing.expires_at - due.due_at) / 4) <= (select archiver.clock())
$function$
;

CREATE OR REPLACE FUNCTION public.get_archiving_states(_track_ids uuid[])
 RETURNS TABLE(track_id uuid, found boolean, title text, status text, archived_to_storage boolean, archived_at timestamp with time zone, expires_at timestamp with time zone, job_status text, error_code text, error_message text, job_updated_at timestamp with time zone, checked_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select asked.id, t.id is not null, t.title, t.status::text, t.archived_to_storage is true,
    t.archived_at, timing.expires_at,
    latest.status, latest.error_code, latest.error_message, latest.updated_at, archiver.clock()
  from (select distinct unnest(_track_ids) as id) as asked
  left join public.tracks as t on t.id = asked.id
  left join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    on t.id is not null
  left join lateral (
    select j.status, j.error_code, j.error_message, j.updated_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
$function$
;

CREATE OR REPLACE FUNCTION public.get_lost_tracks(_expired boolean, _schedules_since timestamp with time zone, _messages_since timestamp with time zone, _schedule_grace_seconds integer, _silence_seconds integer, _max_attempts integer, _retryable_codes text[], _limit integer, _after_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, _after_track_id uuid DEFAULT NULL::uuid)
 RETURNS TABLE(track_id uuid, due_at timestamp with time zone, expires_at timestamp with time zone, action text, cause text)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select t.id, due.due_at, timing.expires_at,
    case
      when loss.cause in ('deadline_passed', 'workers_died') then 'close'
      when _expired and loss.cause in ('message_lost', 'lease_expired')
        and latest.started_at is not null and not sources.superseded then 'close'
      when due.due_at > (select archiver.clock()) then 'schedule'
      else 'dispatch'
    end,
    loss.cause
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as due_at) as due
  left join lateral (
    select j as job, j.status, j.error_code, j.started_at, j.expired_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  cross join lateral (
    select archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url) as superseded
  ) as sources
  cross join lateral (
    select case
      -- Most of what stays here for ever; it is not worth the full question.
      when latest.status = 'failed' and latest.expired_at is not null and not sources.superseded then null
      else archiver.cause_of_loss(latest.job, sources.superseded, due.due_at, timing.expires_at,
        _schedules_since, _messages_since, make_interval(secs => _schedule_grace_seconds),
        make_interval(secs => _silence_seconds), _max_attempts, _retryable_codes)
    end as cause
  ) as loss
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and (timing.expires_at <= (select archiver.clock())) = _expired
    and (_after_track_id is null or (timing.expires_at, t.id) > (_after_expires_at, _after_track_id))
    and (timing.expires_at > (select s.installed_at from public.track_archiving_settings as s)
      or coalesce(latest.error_code, 'pending') <> 'replaced_system' and latest.job is distinct from null)
    and loss.cause is not null
  order by timing.expires_at, t.id
  limit greatest(_limit, 0)
$function$
;

CREATE OR REPLACE FUNCTION public.get_tracks_needing_archiving(_limit integer DEFAULT 50)
 RETURNS TABLE(track_id uuid, user_id uuid, title text, provider text, audio_url text, cover_url text, video_url text, created_at timestamp with time zone, archive_scheduled_at timestamp with time zone, expires_at timestamp with time zone, days_until_expiry numeric)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select t.id, t.user_id, t.title, t.provider::text, t.audio_url, t.cover_url, t.video_url, t.created_at,
    coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at,
    round(extract(epoch from timing.expires_at - (select archiver.clock())) / 86400, 6)
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  left join lateral (
    select j as job, j.status, j.error_code, j.lease_expires_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and (t.archive_scheduled_at is null or t.archive_scheduled_at <= (select archiver.clock()))
    and coalesce(t.archive_scheduled_at, timing.due_at) <= (select archiver.clock())
    and case latest.status
      when 'processing' then latest.lease_expires_at <= (select archiver.clock())
      when 'failed' then latest.error_code = 'replaced_system'
        or archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url)
      else true
    end
  order by timing.expires_at <= (select archiver.clock()), timing.expires_at, t.id
  limit greatest(_limit, 0)
$function$
;

CREATE OR REPLACE FUNCTION public.get_unscheduled_tracks(_schedules_since timestamp with time zone, _limit integer, _after_due_at timestamp with time zone DEFAULT NULL::timestamp with time zone, _after_track_id uuid DEFAULT NULL::uuid)
 RETURNS TABLE(track_id uuid, due_at timestamp with time zone, cause text)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select t.id, t.archive_scheduled_at,
    case when latest.scheduled_for = t.archive_scheduled_at then 'schedule_lost' else 'unannounced' end
  from public.tracks as t
  left join lateral (
    select j as job, j.status, j.error_code, j.lease_expires_at, j.scheduled_for, j.scheduled_at
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
  where t.status = 'completed' and t.archived_to_storage is not true
    and t.archive_scheduled_at > greatest((select archiver.clock()), coalesce(_after_due_at, '-infinity') - interval '1 microsecond')
    and (_after_track_id is null or (t.archive_scheduled_at, t.id) > (_after_due_at, _after_track_id))
    and case latest.status
      when 'processing' then latest.lease_expires_at <= (select archiver.clock())
      when 'pending' then latest.scheduled_for is distinct from t.archive_scheduled_at
        or coalesce(latest.scheduled_at, '-infinity') < _schedules_since
      when 'failed' then latest.error_code = 'replaced_system'
        or archiver.is_superseded(latest.job, t.audio_url, t.cover_url, t.video_url)
      else true
    end
  order by t.archive_scheduled_at, t.id
  limit greatest(_limit, 0)
$function$
;

CREATE OR REPLACE FUNCTION public.mark_track_archived(_track_id uuid, _storage_audio_url text, _storage_cover_url text DEFAULT NULL::text, _storage_video_url text DEFAULT NULL::text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
begin
  if coalesce(btrim(_storage_audio_url), '') = '' then
    raise exception 'a track is archived only with its audio' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then
    return false;
  end if;
  update public.tracks
  set archived_to_storage = true,
    archived_at = archiver.clock(),
    storage_audio_url = btrim(_storage_audio_url),
    storage_cover_url = coalesce(nullif(btrim(_storage_cover_url), ''), storage_cover_url),
    storage_video_url = coalesce(nullif(btrim(_storage_video_url), ''), storage_video_url)
  where id = _track_id returning * into _track;

  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if not found then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  end if;
  if _job.status = 'pending' then
    update public.track_archiving_jobs
    set status = 'processing', fencing_token = nextval('archiver.fencing_tokens'),
      lease_expires_at = archiver.clock(), started_at = archiver.clock()
    where id = _job.id;
  end if;
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null,
    claimed_by = 'mark_track_archived', error_code = null, error_message = null,
    storage_audio_url = _track.storage_audio_url,
    storage_cover_url = _track.storage_cover_url,
    storage_video_url = _track.storage_video_url,
    metadata = (metadata - 'assets') || '{"manual": true}',
    updated_at = archiver.clock()
  where id = _job.id;
  return true;
end
$function$
;

CREATE OR REPLACE FUNCTION public.move_archive_dates_forward(_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION public.plan_track_archiving(_track_id uuid, _retry boolean DEFAULT false)
 RETURNS TABLE(action text, reason text, job_id uuid, due_at timestamp with time zone, expires_at timestamp with time zone, scheduled_for timestamp with time zone, dispatched_at timestamp with time zone)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  _track public.tracks;
  _job public.track_archiving_jobs;
  _latest public.track_archiving_jobs;
  _due_at timestamptz;
begin
  action := 'cancel';
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then
    reason := 'track_not_found';
    return next;
    return;
  end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;

  if _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then
    action := 'ignore';
    reason := 'in_progress';
    job_id := _job.id;
    return next;
    return;
  end if;
  if _track.status is distinct from 'completed' or _track.archived_to_storage is true then
    reason := case when _track.archived_to_storage is true then 'already_archived' else 'not_completed' end;
    delete from public.track_archiving_jobs as j where j.id = _job.id and j.status = 'pending';
    return next;
    return;
  end if;
  if _job.id is null then
    select * into _latest from public.track_archiving_jobs as j
    where j.track_id = _track_id order by j.created_at desc limit 1;
    -- Failed for good, and nothing has changed since: only a person or the sweep retries it.
    if not _retry and _latest.status = 'failed' and _latest.error_code <> 'replaced_system'
      and not archiver.is_superseded(_latest, _track.audio_url, _track.cover_url, _track.video_url)
    then
      action := 'ignore';
      reason := 'failed';
      return next;
      return;
    end if;
  end if;

  select timing.due_at, timing.expires_at into _due_at, expires_at
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _track.archive_scheduled_at is null then
    update public.tracks as t set archive_scheduled_at = _due_at where t.id = _track_id;
    _track.archive_scheduled_at := _due_at;
  end if;

  -- Touching a pending job makes it follow the track's sources; a dead worker's job becomes pending again.
  if _job.id is null then
    insert into public.track_archiving_jobs (track_id, user_id) values (_track_id, _track.user_id)
    returning * into _job;
  else
    update public.track_archiving_jobs as j
    set status = 'pending', lease_expires_at = null, claimed_by = null,
      workers_lost = j.workers_lost + (j.status = 'processing')::integer
    where j.id = _job.id returning * into _job;
  end if;

  action := 'schedule';
  job_id := _job.id;
  due_at := _track.archive_scheduled_at;
  scheduled_for := _job.scheduled_for;
  dispatched_at := _job.dispatched_at;
  return next;
end
$function$
;

CREATE OR REPLACE FUNCTION public.release_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.track_archiving_jobs
  set status = 'pending', lease_expires_at = null, claimed_by = null,
    error_code = _error_code, error_message = left(_error_message, 2000)
  where id = _job_id and status = 'processing' and fencing_token = _fencing_token;
  return found;
end
$function$
;

CREATE OR REPLACE FUNCTION public.schedule_track_archiving()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  _reopened boolean := false;
  _due boolean;
begin
  if tg_op = 'UPDATE' then
    -- The copy of an asset whose source has changed is no longer the copy of this asset.
    if archiver.is_new_source(old.audio_url, new.audio_url, new.storage_audio_url) then
      new.storage_audio_url := null;
      _reopened := true;
    end if;
    if archiver.is_new_source(old.cover_url, new.cover_url, new.storage_cover_url) then
      new.storage_cover_url := null;
      _reopened := true;
    end if;
    if archiver.is_new_source(old.video_url, new.video_url, new.storage_video_url) then
      new.storage_video_url := null;
      _reopened := true;
    end if;
    if _reopened then
      new.archived_to_storage := false;
      new.archived_at := null;
    end if;
  end if;

  if new.archived_to_storage is true
    or tg_op = 'INSERT' and exists (select from public.tracks as t where t.id = new.id) -- an upsert
  then
    return new;
  end if;
  if new.status is distinct from 'completed' then
    new.archive_scheduled_at := null;
    return new;
  end if;

  _due := new.archive_scheduled_at is null;
  if tg_op = 'UPDATE' then
    _due := _due or new.archive_scheduled_at is not distinct from old.archive_scheduled_at and (
      old.status is distinct from new.status
      or old.provider is distinct from new.provider
      or old.created_at is distinct from new.created_at
      or old.metadata ->> 'expires_at' is distinct from new.metadata ->> 'expires_at');
  end if;
  if _due then
    new.archive_scheduled_at := null;
    lock table public.track_archiving_policies in access share mode nowait;
    select timing.due_at into new.archive_scheduled_at
    from archiver.track_timing(new.provider::text, new.created_at, new.metadata) as timing;
  end if;
  return new;
exception when others then
  raise warning 'track %: its archiving is not scheduled yet: %', new.id, sqlerrm;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.store_track_asset(_job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  _entry jsonb := coalesce(_details, '{}') - array['gone', 'at', 'stored_at'];
  _stored bigint := archiver.stored_bytes(_asset, _storage_url);
begin
  if _asset is null or _asset not in ('audio', 'cover', 'video') then
    raise exception 'an asset is audio, cover or video' using errcode = 'invalid_parameter_value';
  end if;
  if _storage_url is null and _asset = 'audio' then
    raise exception 'audio is never optional' using errcode = 'invalid_parameter_value';
  end if;
  if btrim(_storage_url) = '' then
    raise exception 'a stored asset has an address' using errcode = 'invalid_parameter_value';
  end if;
  _entry := _entry || case when _storage_url is null
    then jsonb_build_object('gone', true, 'at', archiver.clock())
    else jsonb_build_object('stored_at', archiver.clock())
  end;
  update public.track_archiving_jobs
  set storage_audio_url = case _asset when 'audio' then _storage_url else storage_audio_url end,
    storage_cover_url = case _asset when 'cover' then _storage_url else storage_cover_url end,
    storage_video_url = case _asset when 'video' then _storage_url else storage_video_url end,
    metadata = jsonb_set(
      case when metadata ? 'assets' then metadata else metadata || '{"assets": {}}' end,
      array['assets', _asset], _entry),
    updated_at = archiver.clock()
  where id = _job_id and status = 'processing' and fencing_token = _fencing_token;
  if not found then
    return false;
  end if;

  if _storage_url is not null and (_stored is null or _stored is distinct from (_details ->> 'bytes')::bigint) then
    raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
      coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
  end if;
  return true;
end
$function$
;

create view public.archive_statistics with (security_invoker=true) as
 SELECT total_archived,
    pending_archive,
    urgent_archive_needed,
    expired_tracks,
        CASE
            WHEN (everything = 0) THEN (100)::numeric
            ELSE round(((100.0 * (total_archived)::numeric) / (everything)::numeric), 1)
        END AS archive_percentage
   FROM ( SELECT count(*) FILTER (WHERE t.archived_to_storage) AS total_archived,
            count(*) FILTER (WHERE (timing.left_over > '00:00:00'::interval)) AS pending_archive,
            count(*) FILTER (WHERE ((timing.left_over > '00:00:00'::interval) AND (timing.left_over < '2 days'::interval))) AS urgent_archive_needed,
            count(*) FILTER (WHERE (timing.left_over <= '00:00:00'::interval)) AS expired_tracks,
            count(*) AS everything
           FROM (public.tracks t
             LEFT JOIN LATERAL ( SELECT (a.expires_at - ( SELECT archiver.clock() AS clock)) AS left_over
                   FROM archiver.track_timing(t.provider, t.created_at, t.metadata) a(due_at, expires_at, allowed_hosts, user_agent)
                  WHERE (t.archived_to_storage IS NOT TRUE)) timing ON (true))
          WHERE (t.archived_to_storage OR (t.status = 'completed'::text))) counted;

CREATE TRIGGER a_request BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW EXECUTE FUNCTION archiver.mark_request();

CREATE TRIGGER b_accept_request BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW WHEN (new.requested) EXECUTE FUNCTION archiver.accept_request();

CREATE TRIGGER b_follow_inserted BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW EXECUTE FUNCTION archiver.follow_track();

CREATE TRIGGER b_follow_updated BEFORE UPDATE ON public.track_archiving_jobs FOR EACH ROW WHEN (((new.status = 'pending'::text) OR ((new.status = 'processing'::text) AND (new.fencing_token IS DISTINCT FROM old.fencing_token)))) EXECUTE FUNCTION archiver.follow_track();

CREATE TRIGGER b_forget_former_sources BEFORE UPDATE ON public.track_archiving_jobs FOR EACH ROW WHEN ((new.status = 'pending'::text)) EXECUTE FUNCTION archiver.forget_former_sources();

CREATE TRIGGER c_transition BEFORE UPDATE ON public.track_archiving_jobs FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.fencing_token IS DISTINCT FROM new.fencing_token))) EXECUTE FUNCTION archiver.check_transition();

CREATE TRIGGER track_archiving_announce_delete AFTER DELETE ON public.tracks FOR EACH ROW WHEN ((old.status = 'completed'::text)) EXECUTE FUNCTION archiver.announce_track();

CREATE TRIGGER track_archiving_announce_insert AFTER INSERT ON public.tracks FOR EACH ROW WHEN (((new.status = 'completed'::text) AND (new.archived_to_storage IS NOT TRUE))) EXECUTE FUNCTION archiver.announce_track();

CREATE TRIGGER track_archiving_announce_update AFTER UPDATE ON public.tracks FOR EACH ROW WHEN ((((new.status = 'completed'::text) AND (new.archived_to_storage IS NOT TRUE) AND (((((old.status IS DISTINCT FROM new.status) OR (old.audio_url IS DISTINCT FROM new.audio_url)) OR (old.cover_url IS DISTINCT FROM new.cover_url)) OR (old.video_url IS DISTINCT FROM new.video_url)) OR (old.archive_scheduled_at IS DISTINCT FROM new.archive_scheduled_at))) OR ((old.status = 'completed'::text) AND (new.status IS DISTINCT FROM 'completed'::text)))) EXECUTE FUNCTION archiver.announce_track();

CREATE TRIGGER track_archiving_guard_insert BEFORE INSERT ON public.tracks FOR EACH ROW WHEN (((new.archived_to_storage IS TRUE) OR (new.storage_audio_url IS NOT NULL) OR (new.storage_cover_url IS NOT NULL) OR (new.storage_video_url IS NOT NULL) OR (new.archive_scheduled_at IS NOT NULL) OR (new.archived_at IS NOT NULL))) EXECUTE FUNCTION archiver.guard_archive_columns();

CREATE TRIGGER track_archiving_guard_update BEFORE UPDATE ON public.tracks FOR EACH ROW WHEN (((((((old.archived_to_storage IS DISTINCT FROM new.archived_to_storage) OR (old.storage_audio_url IS DISTINCT FROM new.storage_audio_url)) OR (old.storage_cover_url IS DISTINCT FROM new.storage_cover_url)) OR (old.storage_video_url IS DISTINCT FROM new.storage_video_url)) OR (old.archive_scheduled_at IS DISTINCT FROM new.archive_scheduled_at)) OR (old.archived_at IS DISTINCT FROM new.archived_at))) EXECUTE FUNCTION archiver.guard_archive_columns();

CREATE TRIGGER track_archiving_late_insert AFTER INSERT ON public.tracks FOR EACH ROW WHEN (((new.status = 'completed'::text) AND (new.archived_to_storage IS NOT TRUE))) EXECUTE FUNCTION archiver.open_late_job();

CREATE TRIGGER track_archiving_late_update AFTER UPDATE ON public.tracks FOR EACH ROW WHEN (((new.status = 'completed'::text) AND (new.archived_to_storage IS NOT TRUE) AND ((((old.status IS DISTINCT FROM new.status) OR (old.audio_url IS DISTINCT FROM new.audio_url)) OR (old.cover_url IS DISTINCT FROM new.cover_url)) OR (old.video_url IS DISTINCT FROM new.video_url)))) EXECUTE FUNCTION archiver.open_late_job();

CREATE TRIGGER track_archiving_schedule_insert BEFORE INSERT ON public.tracks FOR EACH ROW WHEN ((new.status = 'completed'::text)) EXECUTE FUNCTION public.schedule_track_archiving();

CREATE TRIGGER track_archiving_schedule_update BEFORE UPDATE ON public.tracks FOR EACH ROW WHEN ((((((((old.status IS DISTINCT FROM new.status) OR (old.provider IS DISTINCT FROM new.provider)) OR (old.created_at IS DISTINCT FROM new.created_at)) OR (old.audio_url IS DISTINCT FROM new.audio_url)) OR (old.cover_url IS DISTINCT FROM new.cover_url)) OR (old.video_url IS DISTINCT FROM new.video_url)) OR ((old.metadata ->> 'expires_at'::text) IS DISTINCT FROM (new.metadata ->> 'expires_at'::text)))) EXECUTE FUNCTION public.schedule_track_archiving();

alter table public.notifications enable row level security;

alter table public.track_archiving_jobs enable row level security;

alter table public.track_archiving_policies enable row level security;

alter table public.track_archiving_settings enable row level security;

alter table public.tracks enable row level security;

create policy "Users can delete own notifications" on public.notifications as permissive for delete to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can mark own notifications" on public.notifications as permissive for update to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)))
  with check ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can read own notifications" on public.notifications as permissive for select to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Service can manage jobs" on public.track_archiving_jobs as permissive for all to service_role
  using (true)
  with check (true);

create policy "Users can archive own tracks" on public.track_archiving_jobs as permissive for insert to authenticated
  with check ((requested AND (status = 'pending'::text) AND (user_id = ( SELECT auth.uid() AS uid)) AND (EXISTS ( SELECT
   FROM public.tracks t
  WHERE ((t.id = track_archiving_jobs.track_id) AND (t.user_id = ( SELECT auth.uid() AS uid)) AND (t.status = 'completed'::text) AND (t.archived_to_storage IS NOT TRUE))))));

create policy "Users can read own archiving jobs" on public.track_archiving_jobs as permissive for select to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can delete own tracks" on public.tracks as permissive for delete to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can insert own tracks" on public.tracks as permissive for insert to authenticated
  with check ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can read own tracks" on public.tracks as permissive for select to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Users can update own tracks" on public.tracks as permissive for update to authenticated
  using ((user_id = ( SELECT auth.uid() AS uid)))
  with check ((user_id = ( SELECT auth.uid() AS uid)));

create policy "Track files are readable by everybody" on storage.objects as permissive for select to public
  using ((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])));

create policy "Users can delete own track files" on storage.objects as permissive for delete to authenticated
  using (((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)));

create policy "Users can upload own track files" on storage.objects as permissive for insert to authenticated
  with check (((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)));

grant execute on function archiver.cause_of_loss(_job public.track_archiving_jobs, _superseded boolean, _due_at timestamp with time zone, _expires_at timestamp with time zone, _schedules_since timestamp with time zone, _messages_since timestamp with time zone, _schedule_grace interval, _silence interval, _max_attempts integer, _retryable_codes text[]) to service_role;

grant execute on function archiver.clock() to service_role;

grant execute on function archiver.is_superseded(_job public.track_archiving_jobs, _audio_url text, _cover_url text, _video_url text) to service_role;

grant execute on function archiver.notify_owner(_user_id uuid, _track_id uuid, _title text) to service_role;

grant execute on function archiver.parse_expiry(_text text) to service_role;

grant execute on function archiver.stored_bytes(_asset text, _storage_url text) to service_role;

grant execute on function archiver.track_timing(_provider text, _created_at timestamp with time zone, _metadata jsonb) to service_role;

grant execute on function public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text) to service_role;

grant execute on function public.close_track_archiving(_track_id uuid, _error_code text, _error_message text, _buried boolean) to service_role;

grant execute on function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) to service_role;

grant execute on function public.confirm_track_schedule(_job_id uuid, _due_at timestamp with time zone, _route text) to service_role;

grant execute on function public.fail_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text) to service_role;

grant execute on function public.get_archiving_backlog() to service_role;

grant execute on function public.get_archiving_states(_track_ids uuid[]) to service_role;

grant execute on function public.get_lost_tracks(_expired boolean, _schedules_since timestamp with time zone, _messages_since timestamp with time zone, _schedule_grace_seconds integer, _silence_seconds integer, _max_attempts integer, _retryable_codes text[], _limit integer, _after_expires_at timestamp with time zone, _after_track_id uuid) to service_role;

grant execute on function public.get_tracks_needing_archiving(_limit integer) to service_role;

grant execute on function public.get_unscheduled_tracks(_schedules_since timestamp with time zone, _limit integer, _after_due_at timestamp with time zone, _after_track_id uuid) to service_role;

grant execute on function public.mark_track_archived(_track_id uuid, _storage_audio_url text, _storage_cover_url text, _storage_video_url text) to service_role;

grant execute on function public.move_archive_dates_forward(_limit integer) to service_role;

grant execute on function public.plan_track_archiving(_track_id uuid, _retry boolean) to service_role;

grant execute on function public.release_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text) to service_role;

grant execute on function public.schedule_track_archiving() to service_role;

grant execute on function public.store_track_asset(_job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb) to service_role;

grant usage on schema archiver to service_role;

grant usage on sequence archiver.fencing_tokens to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.archive_statistics to service_role;

grant delete, select, update (read) on table public.notifications to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.notifications to service_role;

grant insert (status, track_id, user_id), select on table public.track_archiving_jobs to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_jobs to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_policies to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_settings to service_role;

grant delete, insert, select, update on table public.tracks to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.tracks to service_role;

comment on table public.track_archiving_jobs is 'One row an attempt to archive a track; at most one is open.';

comment on column public.track_archiving_jobs.buried_at is 'When the dead letter was written of a job that the sweep failed.';

comment on column public.track_archiving_jobs.dispatched_at is 'When the track was put on the queue.';

comment on column public.track_archiving_jobs.expired_at is 'When the sweep found that the track''s deadline had passed; it says so once.';

comment on column public.track_archiving_jobs.fencing_token is 'New and larger at each claim. Who does not name the current one can change nothing.';

comment on column public.track_archiving_jobs.metadata is 'assets.{audio,cover,video}: {bytes, sha256, content_type, source_host, stored_at} or {gone, code, at}.';

comment on column public.track_archiving_jobs.requested is 'The owner asked for it.';

comment on column public.track_archiving_jobs.scheduled_at is 'When that schedule was made.';

comment on column public.track_archiving_jobs.scheduled_for is 'A schedule is known to exist for this time.';

comment on column public.track_archiving_jobs.workers_lost is 'Claims that ended without a word, as another claim or plan found; the present one is not among them.';

comment on table public.track_archiving_policies is 'How long each provider keeps files, when to archive, which hosts may be fetched. `*` is everybody else.';

comment on table public.track_archiving_settings is 'One row. language: of the notifications to owners. installed_at: what expired before is nobody''s news.';

comment on column public.tracks.archive_scheduled_at is 'When archiving is due, by the policy of the provider. Null until the track is completed.';

comment on column public.tracks.archived_to_storage is 'True only when every file that the track had is in Storage. Null counts as false. The service''s alone.';

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-audio', 'tracks-audio', 't', '104857600', '{audio/mpeg,audio/mp3,audio/wav,audio/x-wav,audio/wave,audio/flac,audio/x-flac,audio/ogg,audio/opus,audio/aac,audio/mp4,audio/m4a,audio/x-m4a,audio/webm}');

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-covers', 'tracks-covers', 't', '10485760', '{image/jpeg,image/png,image/webp}');

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-videos', 'tracks-videos', 't', '524288000', '{video/mp4,video/webm}');
