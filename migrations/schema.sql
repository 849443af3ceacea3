-- What the migrations make of an empty project: schemas public and archiver, and of storage the policies
-- and the buckets. Written by `npm run schema`; for reading and comparing, never applied.

create schema archiver;

create sequence archiver.fencing_tokens as bigint increment 1 minvalue 1 start 1;

create table archiver.track_counts (
  archived bigint not null,
  waiting bigint not null
);

create table public.notifications (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  type text not null,
  title text not null,
  message text not null,
  link text,
  read boolean default false not null,
  created_at timestamp with time zone default archiver.clock() not null,
  constraint notifications_pkey PRIMARY KEY (id),
  constraint notifications_type_check CHECK ((type = ANY (ARRAY['info'::text, 'success'::text, 'warning'::text, 'error'::text]))),
  constraint notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);

create table public.track_archiving_files (
  track_id uuid not null,
  kind text not null,
  source_url text,
  due_at timestamp with time zone,
  expires_at timestamp with time zone,
  copied_from text,
  storage_url text,
  bucket_id text,
  object_name text,
  bytes bigint,
  sha256 text,
  content_type text,
  source_host text,
  duration_seconds double precision,
  stored_at timestamp with time zone,
  error_code text,
  refused_at timestamp with time zone,
  first_refused_at timestamp with time zone,
  constraint a_copy_is_dated CHECK (((storage_url IS NULL) = (stored_at IS NULL))),
  constraint a_refusal_has_code CHECK (((error_code IS NULL) = (refused_at IS NULL))),
  constraint track_archiving_files_bytes_check CHECK ((bytes > 0)),
  constraint track_archiving_files_duration_seconds_check CHECK ((duration_seconds >= (0)::double precision)),
  constraint track_archiving_files_kind_check CHECK ((kind = ANY (ARRAY['audio'::text, 'cover'::text, 'video'::text]))),
  constraint track_archiving_files_pkey PRIMARY KEY (track_id, kind),
  constraint track_archiving_files_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.tracks(id) ON DELETE CASCADE
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
  crash_count integer default 0 not null,
  fencing_token bigint,
  lease_expires_at timestamp with time zone,
  claimed_by text,
  error_code text,
  requested boolean default false not null,
  renews boolean default false not null,
  scheduled_for timestamp with time zone,
  queued_at timestamp with time zone,
  due_at timestamp with time zone,
  expires_at timestamp with time zone,
  next_check_at timestamp with time zone,
  told_at timestamp with time zone,
  is_latest boolean default true not null,
  constraint completed_is_dated CHECK (((status <> 'completed'::text) OR (completed_at IS NOT NULL))),
  constraint failed_has_code CHECK (((status <> 'failed'::text) OR (error_code IS NOT NULL))),
  constraint open_jobs_are_checked CHECK (
CASE status
    WHEN 'completed'::text THEN (next_check_at IS NULL)
    WHEN 'failed'::text THEN ((next_check_at IS NULL) OR (expires_at IS NOT NULL))
    ELSE ((next_check_at IS NOT NULL) AND (expires_at IS NOT NULL))
END),
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

create table public.track_archiving_leftovers (
  bucket_id text not null,
  object_name text not null,
  reason text not null,
  since timestamp with time zone default archiver.clock() not null,
  constraint track_archiving_leftovers_pkey PRIMARY KEY (bucket_id, object_name),
  constraint track_archiving_leftovers_reason_check CHECK ((reason = ANY (ARRAY['replaced'::text, 'deleted'::text])))
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
  failed_type text default 'warning'::text not null,
  failed_title text,
  failed_message text,
  saved_type text default 'success'::text not null,
  saved_title text,
  saved_message text,
  notification_link text default '/workspace/library?track={track_id}'::text not null,
  remove_deleted_after_days integer,
  deadlines_after uuid,
  audited_up_to uuid default '00000000-0000-0000-0000-000000000000'::uuid not null,
  adopted_up_to uuid default '00000000-0000-0000-0000-000000000000'::uuid,
  counted_at timestamp with time zone,
  files_lost bigint default 0 not null,
  constraint track_archiving_settings_language_check CHECK ((language = ANY (ARRAY['ru'::text, 'en'::text]))),
  constraint track_archiving_settings_only_row_check CHECK (only_row),
  constraint track_archiving_settings_pkey PRIMARY KEY (only_row),
  constraint track_archiving_settings_remove_deleted_after_days_check CHECK ((remove_deleted_after_days >= 0))
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

CREATE INDEX track_archiving_files_elsewhere ON public.track_archiving_files USING btree (bucket_id, object_name) WHERE ((object_name IS NOT NULL) AND (NOT archiver.is_own_object(track_id, bucket_id, object_name)));

CREATE INDEX track_archiving_files_refused ON public.track_archiving_files USING btree (error_code) WHERE (error_code IS NOT NULL);

CREATE INDEX track_archiving_jobs_check ON public.track_archiving_jobs USING btree (next_check_at) INCLUDE (user_id, due_at, expires_at, id) WHERE (next_check_at IS NOT NULL);

CREATE INDEX track_archiving_jobs_due ON public.track_archiving_jobs USING btree (due_at, expires_at) INCLUDE (status, track_id) WHERE ((status <> 'completed'::text) AND is_latest AND (NOT renews));

CREATE INDEX track_archiving_jobs_expiry ON public.track_archiving_jobs USING btree (expires_at) INCLUDE (due_at, status, lease_expires_at, track_id) WHERE ((status <> 'completed'::text) AND is_latest AND (NOT renews));

CREATE INDEX track_archiving_jobs_failed ON public.track_archiving_jobs USING btree (error_code) WHERE ((status = 'failed'::text) AND is_latest);

CREATE INDEX track_archiving_jobs_in_flight ON public.track_archiving_jobs USING btree (user_id) INCLUDE (next_check_at) WHERE ((status = ANY (ARRAY['pending'::text, 'processing'::text])) AND (queued_at IS NOT NULL));

CREATE UNIQUE INDEX track_archiving_jobs_open ON public.track_archiving_jobs USING btree (track_id) WHERE (status = ANY (ARRAY['pending'::text, 'processing'::text]));

CREATE INDEX track_archiving_jobs_track ON public.track_archiving_jobs USING btree (track_id, created_at DESC);

CREATE INDEX track_archiving_jobs_user ON public.track_archiving_jobs USING btree (user_id, created_at DESC);

CREATE INDEX track_archiving_leftovers_since ON public.track_archiving_leftovers USING btree (reason, since);

CREATE INDEX tracks_archiving_worklist ON public.tracks USING btree (archive_scheduled_at, created_at) INCLUDE (id) WHERE ((status = 'completed'::text) AND (archived_to_storage IS NOT TRUE));

CREATE INDEX tracks_user_id ON public.tracks USING btree (user_id);

CREATE OR REPLACE FUNCTION archiver.accept_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _latest public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t
  where t.id = new.track_id and t.user_id = new.user_id and t.user_id = auth.uid()
    and t.status = 'completed' and t.archived_to_storage is not true
  for no key update;
  if not found or new.status <> 'pending' then
    raise exception 'new row violates row-level security policy for table "track_archiving_jobs"'
      using errcode = 'insufficient_privilege';
  end if;
  select * into _latest from archiver.lock_latest_job(new.track_id);
  if _latest.status = 'processing' then
    raise exception 'this track is being archived' using errcode = 'P0001';
  end if;
  if greatest(_latest.started_at, case when _latest.requested then _latest.created_at end) > archiver.clock() - interval '10 minutes'
    and not archiver.is_superseded(_latest, _track) then
    raise exception 'this track was asked for less than ten minutes ago' using errcode = 'P0001';
  end if;
  if _latest.status = 'pending' then
    select _latest.attempt, _latest.crash_count, _latest.scheduled_for, _latest.started_at,
      _latest.original_audio_url, _latest.original_cover_url, _latest.original_video_url
    into new.attempt, new.crash_count, new.scheduled_for, new.started_at,
      new.original_audio_url, new.original_cover_url, new.original_video_url;
    delete from public.track_archiving_jobs as j where j.id = _latest.id;
  end if;
  update public.tracks set archive_scheduled_at = archiver.clock() where id = new.track_id;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.archive_track(_track public.tracks, _job_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.tracks as t set archived_to_storage = true, archived_at = archiver.clock() where t.id = _track.id;
  perform archiver.show_files(_track.id, _job_id);
  update public.track_archiving_jobs
  set status = 'completed', completed_at = archiver.clock(), lease_expires_at = null, next_check_at = null,
    error_code = null, error_message = null
  where id = _job_id;
  perform archiver.tell_saved(_track);
end $function$
;

CREATE OR REPLACE FUNCTION archiver.check_after_message(_expires_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select now.at + least(interval '90 minutes', greatest(interval '5 minutes', (_expires_at - now.at) / 4))
  from (select archiver.clock() as at) as now
$function$
;

CREATE OR REPLACE FUNCTION archiver.check_after_schedule(_due_at timestamp with time zone, _expires_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN (_due_at + GREATEST('00:05:00'::interval, LEAST('00:30:00'::interval, (((_expires_at - _due_at) / (4)::double precision) + '00:05:00'::interval))))
;

CREATE OR REPLACE FUNCTION archiver.check_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.status <> old.status and not (old.status = 'pending' or old.status = 'processing') then
    raise exception 'an archiving job cannot go from % to %', old.status, new.status using errcode = 'check_violation';
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
end $function$
;

CREATE OR REPLACE FUNCTION archiver.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
RETURN date_trunc('milliseconds'::text, now())
;

CREATE OR REPLACE FUNCTION archiver.count_changes(_archived bigint, _waiting bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if _archived <> 0 or _waiting <> 0 then
    insert into archiver.track_counts (archived, waiting) values (_archived, _waiting);
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.date_job()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.created_at := archiver.clock();
  new.updated_at := archiver.clock();
  new.next_check_at := archiver.clock() + interval '5 minutes';
  select coalesce(t.user_id, new.user_id), coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at
  into new.user_id, new.due_at, new.expires_at
  from (values (new.track_id)) as named (id)
  left join public.tracks as t on t.id = named.id -- none: the foreign key refuses the job
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.duration_of(_track public.tracks)
 RETURNS double precision
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select case when said.duration ~ '^\d{1,6}(\.\d{1,9})?$' then case
    when said.duration::double precision between 1 and 7200 then said.duration::double precision end end
  from (select coalesce(to_jsonb(_track) ->> 'duration', to_jsonb(_track) #>> '{metadata,duration}')) as said (duration)
$function$
;

CREATE OR REPLACE FUNCTION archiver.fail_without_owner(_track_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not exists (select from public.track_archiving_jobs as j
    where j.track_id = _track_id and j.is_latest and j.error_code = 'owner_missing') then
    perform from archiver.open_jobs(array[_track_id]);
  end if;
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null, next_check_at = null, error_code = 'owner_missing',
    error_message = 'The track has no user_id.', updated_at = archiver.clock()
  where j.track_id = _track_id and j.status in ('pending', 'processing');
end $function$
;

CREATE OR REPLACE FUNCTION archiver.files_of(_track public.tracks)
 RETURNS TABLE(kind text, url text, stored text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select named.kind, nullif(btrim(named.url), ''), nullif(btrim(named.stored), '') from (values
    ('audio', _track.audio_url, _track.storage_audio_url),
    ('cover', _track.cover_url, _track.storage_cover_url),
    ('video', _track.video_url, _track.storage_video_url)) as named (kind, url, stored)
$function$
;

CREATE OR REPLACE FUNCTION archiver.follow_tracks()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '100ms'
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION archiver.forget_lost_copies(_track_ids uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with lost as (
    update public.track_archiving_files as f
    set copied_from = null, storage_url = null, bucket_id = null, object_name = null, bytes = null, sha256 = null,
      stored_at = null
    where f.track_id = any (_track_ids) and f.bytes is distinct from archiver.stored_bytes(f.bucket_id, f.object_name)
      and f.bytes is not null
    returning f.track_id
  )
  select distinct track_id from lost
$function$
;

CREATE OR REPLACE FUNCTION archiver.guard_archive_columns()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION archiver.has_failed(_job public.track_archiving_jobs, _track public.tracks)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN COALESCE((((_job).status = 'failed'::text) AND ((_job).error_code <> 'legacy_system'::text) AND (NOT (((_job).error_code = 'owner_missing'::text) AND ((_track).user_id IS NOT NULL))) AND (NOT archiver.is_superseded(_job, _track))), false)
;

CREATE OR REPLACE FUNCTION archiver.hmac_sha256(_message bytea, _key bytea)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE
RETURN extensions.hmac(_message, _key, 'sha256'::text)
;

CREATE OR REPLACE FUNCTION archiver.is_address(_url text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN ((btrim(_url) ~* '^https://[^/?#@[:space:]]+\.[^/?#@[:space:]]+'::text) AND (regexp_replace(btrim(_url), '[?#].*$'::text, ''::text) !~* '/(none|null|undefined|nan)(\.[a-z0-9]+)?$'::text))
;

CREATE OR REPLACE FUNCTION archiver.is_audio_stored(_track_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select exists (select from public.track_archiving_files as f
    where f.track_id = _track_id and f.kind = 'audio' and f.storage_url is not null and not archiver.is_missing(f))
$function$
;

CREATE OR REPLACE FUNCTION archiver.is_missing(_file public.track_archiving_files)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (((_file).source_url IS NOT NULL) AND ((_file).error_code IS NULL) AND (((_file).storage_url IS NULL) OR archiver.is_new_source((_file).copied_from, (_file).source_url, (_file).storage_url)))
;

CREATE OR REPLACE FUNCTION archiver.is_new_source(_old text, _new text, _storage_url text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (COALESCE(archiver.is_address(_new), false) AND (archiver.without_query(_new) IS DISTINCT FROM archiver.without_query(_old)) AND (NOT archiver.is_own_copy(_new, _storage_url)))
;

CREATE OR REPLACE FUNCTION archiver.is_own_copy(_url text, _storage_url text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (COALESCE((regexp_replace(btrim(_url), '[?#].*$'::text, ''::text) = regexp_replace(btrim(_storage_url), '[?#].*$'::text, ''::text)), false) OR COALESCE((_url ~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/'::text), false))
;

CREATE OR REPLACE FUNCTION archiver.is_own_object(_track_id uuid, _bucket_id text, _object_name text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN ((_bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND (_object_name ~ (('^[^/]+/'::text || _track_id) || '\.[a-z0-9]+$'::text)))
;

CREATE OR REPLACE FUNCTION archiver.is_renewal(_job public.track_archiving_jobs)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN COALESCE(((_job).renews AND ((_job).status <> 'completed'::text)), false)
;

CREATE OR REPLACE FUNCTION archiver.is_superseded(_job public.track_archiving_jobs, _track public.tracks)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (((_job).started_at IS NOT NULL) AND (((((_job).original_audio_url IS DISTINCT FROM NULLIF(btrim((_track).audio_url), ''::text)) OR ((_job).original_cover_url IS DISTINCT FROM NULLIF(btrim((_track).cover_url), ''::text))) OR ((_job).original_video_url IS DISTINCT FROM NULLIF(btrim((_track).video_url), ''::text))) OR ((_job).user_id IS DISTINCT FROM (_track).user_id)))
;

CREATE OR REPLACE FUNCTION archiver.is_within(_what text, _most integer, _more integer DEFAULT 1)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _name text := 'archiver.' || _what;
  _count integer := coalesce(nullif(current_setting(_name, true), ''), '0')::integer;
begin
  if _count + _more > _most then
    perform set_config(_name || '_full', 'yes', true);
    return false;
  end if;
  perform set_config(_name, (_count + _more)::text, true);
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.keep_leftovers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
  select bucket_id, object_name, 'deleted' from gone where archiver.is_own_object(track_id, bucket_id, object_name)
  on conflict (bucket_id, object_name) do nothing;
  return null;
exception when others then
  raise warning 'the files of deleted tracks are not noted: %', sqlerrm;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.lock_claim(_job_id uuid, _fencing_token bigint)
 RETURNS public.track_archiving_jobs
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _job public.track_archiving_jobs;
begin
  perform from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id) for no key update;
  select * into _job from public.track_archiving_jobs as j
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token for update;
  return _job;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.lock_latest_job(_track_id uuid)
 RETURNS public.track_archiving_jobs
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select j.* from public.track_archiving_jobs as j where j.track_id = _track_id
  order by j.status in ('pending', 'processing') desc, j.created_at desc, j.is_latest desc
  limit 1 for update
$function$
;

CREATE OR REPLACE FUNCTION archiver.mark_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.requested := not (pg_has_role(current_user, 'service_role', 'usage')
    or pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage'));
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.may_be_closed(_track public.tracks, _job public.track_archiving_jobs)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(_track.status = 'completed' and _job.next_check_at is not null and _job.started_at is not null
    and (_track.archived_to_storage is not true or _job.renews)
    and not (_job.status = 'processing' and _job.lease_expires_at > archiver.clock())
    and not archiver.is_superseded(_job, _track), false)
$function$
;

CREATE OR REPLACE FUNCTION archiver.move_jobs(_track_ids uuid[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update public.track_archiving_jobs as j
  set due_at = coalesce(t.archive_scheduled_at, timing.due_at), expires_at = timing.expires_at,
    next_check_at = case when j.status = 'processing' or j.next_check_at is null then j.next_check_at
      else least(j.next_check_at, archiver.clock() + interval '5 minutes') end
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  where t.id = any (_track_ids) and j.track_id = t.id and j.status <> 'completed' and j.is_latest
$function$
;

CREATE OR REPLACE FUNCTION archiver.notify_owner(_user_id uuid, _track_id uuid, _title text, _saved boolean)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '1s'
AS $function$
declare _settings public.track_archiving_settings := (select s from public.track_archiving_settings as s);
  _english boolean := _settings.language = 'en'; _head text; _text text;
begin
  if _saved then
    _head := coalesce(_settings.saved_title, case when _english then 'Track saved after all' else 'Трек всё же сохранён' end);
    _text := coalesce(_settings.saved_message, case when _english
      then 'Track "{title}" is saved after all.' else 'Трек "{title}" всё же сохранён.' end);
  else
    _head := coalesce(_settings.failed_title,
      case when _english then 'Track could not be archived' else 'Не удалось архивировать трек' end);
    _text := coalesce(_settings.failed_message, case when _english
      then 'Track "{title}" was not saved. It may become unavailable.'
      else 'Трек "{title}" не был сохранен. Он может стать недоступен.' end);
  end if;
  insert into public.notifications (user_id, type, title, message, link)
  values (_user_id, case when _saved then _settings.saved_type else _settings.failed_type end, _head,
    replace(_text, '{title}', coalesce(left(_title, 500), '')),
    replace(_settings.notification_link, '{track_id}', _track_id::text));
  return null;
exception when others then
  return sqlerrm;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.object_of(_url text, OUT bucket_id text, OUT object_name text)
 RETURNS record
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _parts text[] := regexp_match(_url, '^https?://[^/?#]+/storage/v1/object/(?:public|sign|authenticated)/([^/?#%]+)/([^?#%]+)');
begin
  bucket_id := _parts[1];
  object_name := _parts[2];
end $function$
;

CREATE OR REPLACE FUNCTION archiver.open_jobs(_track_ids uuid[])
 RETURNS SETOF public.track_archiving_jobs
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
begin
  if cardinality(_track_ids) is null or cardinality(_track_ids) = 0 then return; end if;
  return query insert into public.track_archiving_jobs
    (track_id, user_id, renews, due_at, expires_at, created_at, updated_at, next_check_at)
  select t.id, coalesce(t.user_id, '00000000-0000-0000-0000-000000000000'), coalesce(t.archived_to_storage, false),
    coalesce(t.archive_scheduled_at, timing.due_at), timing.expires_at,
    archiver.clock(), archiver.clock(), archiver.clock() + interval '5 minutes'
  from public.tracks as t
  cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
  where t.id = any (_track_ids)
  order by t.id on conflict (track_id) where status in ('pending', 'processing') do nothing returning *;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.parse_expiry(_text text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare _moment timestamptz;
begin
  if _text ~ '^\d{9,13}(\.\d{1,6})?$' then
    _moment := to_timestamp((_text::numeric / case when _text::numeric < 1e11 then 1 else 1000 end)::float8);
  elsif _text ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
    _moment := _text::timestamptz;
  end if;
  return case when _moment between '2000-01-01Z' and '2200-01-01Z' then _moment end;
exception when data_exception then
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.record_copy(_track_id uuid, _kind text, _source_url text, _storage_url text, _bytes bigint DEFAULT NULL::bigint, _details jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into public.track_archiving_files as f (track_id, kind, source_url, copied_from, storage_url, bucket_id,
    object_name, bytes, sha256, content_type, source_host, duration_seconds, stored_at)
  select _track_id, _kind, _source_url, _source_url, _storage_url, object.bucket_id, object.object_name, _bytes,
    _details ->> 'sha256', _details ->> 'content_type', _details ->> 'source_host',
    (_details ->> 'duration_seconds')::double precision, archiver.clock()
  from archiver.object_of(_storage_url) as object
  on conflict (track_id, kind) do update
  set copied_from = excluded.copied_from, storage_url = excluded.storage_url, bucket_id = excluded.bucket_id,
    object_name = excluded.object_name, bytes = excluded.bytes, sha256 = excluded.sha256,
    content_type = excluded.content_type, source_host = excluded.source_host, duration_seconds = excluded.duration_seconds,
    stored_at = excluded.stored_at, error_code = null, refused_at = null, first_refused_at = null
$function$
;

CREATE OR REPLACE FUNCTION archiver.record_in_place(_track public.tracks, _project_url text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select archiver.record_copy(f.track_id, f.kind, f.source_url, rtrim(_project_url, '/') || '/storage/v1/object/public/'
    || object.bucket_id || '/' || object.object_name, stored.bytes)
  from public.track_archiving_files as f
  cross join lateral archiver.object_of(f.source_url) as object
  cross join lateral archiver.stored_bytes(object.bucket_id, object.object_name) as stored (bytes)
  where f.track_id = _track.id and f.storage_url is null and stored.bytes > 0 and _project_url <> ''
    and split_part(object.object_name, '/', 1) = _track.user_id::text
$function$
;

CREATE OR REPLACE FUNCTION archiver.recount_tracks()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into archiver.track_counts (archived, waiting)
  select counted.archived - coalesce(sums.archived, 0), counted.waiting - coalesce(sums.waiting, 0)
  from (
    select count(*) filter (where t.archived_to_storage) as archived,
      count(*) filter (where t.status = 'completed' and t.archived_to_storage is not true) as waiting
    from public.tracks as t) as counted
  cross join (select sum(c.archived) as archived, sum(c.waiting) as waiting from archiver.track_counts as c) as sums;
  update public.track_archiving_settings set counted_at = archiver.clock();
end $function$
;

CREATE OR REPLACE FUNCTION archiver.replace_former_jobs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.track_archiving_jobs as former
  set is_latest = false, next_check_at = case when former.status = 'failed' then null else former.next_check_at end
  from added where former.track_id = added.track_id and former.id <> added.id and former.is_latest;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.retry_at(_due_at timestamp with time zone, _expires_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select case when now.at < archiver.tried_until(_due_at, _expires_at)
    then least(now.at + greatest(interval '1 minute', least(interval '6 hours', (_expires_at - _due_at) / 8)), _expires_at) end
  from (select archiver.clock() as at) as now
$function$
;

CREATE OR REPLACE FUNCTION archiver.send_webhook(_event text, _changed jsonb, _url text, _secrets text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  _id text := 'msg_' || gen_random_uuid();
  _timestamp text := floor(extract(epoch from archiver.clock()))::bigint::text;
  _body jsonb := jsonb_build_object('type', _event, 'table', 'tracks', 'schema', 'public') || _changed;
begin
  perform net.http_post(url := _url, body := _body, timeout_milliseconds := 5000,
    headers := jsonb_build_object('Content-Type', 'application/json', 'webhook-id', _id, 'webhook-timestamp', _timestamp,
      'webhook-signature', archiver.webhook_signatures(_id || '.' || _timestamp || '.' || _body::text, _secrets)));
end $function$
;

CREATE OR REPLACE FUNCTION archiver.show_files(_track_id uuid, _job_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with shown as (
    select
      max(f.storage_url) filter (where f.kind = 'audio') as audio,
      max(f.storage_url) filter (where f.kind = 'cover') as cover,
      max(f.storage_url) filter (where f.kind = 'video') as video,
      coalesce(jsonb_object_agg(f.kind, case
        when f.storage_url is not null then jsonb_strip_nulls(jsonb_build_object('bytes', f.bytes, 'sha256', f.sha256,
          'content_type', f.content_type, 'source_host', f.source_host, 'stored_at', f.stored_at))
        else jsonb_build_object('gone', true, 'code', f.error_code, 'at', f.refused_at) end)
        filter (where f.storage_url is not null or f.error_code is not null), '{}') as assets
    from public.track_archiving_files as f where f.track_id = _track_id
  ), track as (
    update public.tracks as t
    set storage_audio_url = shown.audio, storage_cover_url = shown.cover, storage_video_url = shown.video
    from shown
    where t.id = _track_id
      and (t.storage_audio_url, t.storage_cover_url, t.storage_video_url)
        is distinct from (shown.audio, shown.cover, shown.video)
  )
  update public.track_archiving_jobs as j
  set storage_audio_url = shown.audio, storage_cover_url = shown.cover, storage_video_url = shown.video,
    metadata = case when shown.assets = '{}' then j.metadata - 'assets'
      else j.metadata || jsonb_build_object('assets', shown.assets) end,
    updated_at = archiver.clock()
  from shown where j.id = _job_id
$function$
;

CREATE OR REPLACE FUNCTION archiver.snapshot_sources(_track public.tracks, _due_at timestamp with time zone, _expires_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into public.track_archiving_files as f
    (track_id, kind, source_url, due_at, expires_at, copied_from, storage_url, bucket_id, object_name, stored_at)
  select _track.id, named.kind, named.url, _due_at, _expires_at,
    case when named.stored is not null then named.url end, named.stored, object.bucket_id, object.object_name,
    case when named.stored is not null then coalesce(_track.archived_at, archiver.clock()) end
  from archiver.files_of(_track) as named
  cross join lateral archiver.object_of(named.stored) as object
  where named.url is not null or named.stored is not null
    or exists (select from public.track_archiving_files as known
      where known.track_id = _track.id and known.kind = named.kind)
  on conflict (track_id, kind) do update
  set source_url = excluded.source_url, due_at = excluded.due_at, expires_at = excluded.expires_at,
    error_code = case when f.source_url = excluded.source_url then f.error_code end,
    refused_at = case when f.source_url = excluded.source_url then f.refused_at end,
    first_refused_at = case when f.source_url = excluded.source_url then f.first_refused_at end
$function$
;

CREATE OR REPLACE FUNCTION archiver.stored_bytes(_bucket_id text, _object_name text)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (
    select (o.metadata ->> 'size')::bigint
    from storage.objects as o
    where o.bucket_id = _bucket_id and o.name = _object_name and o.name collate "C" = _object_name
      and to_jsonb(o) ->> 'archived_at' is null and not to_jsonb(o) @> '{"is_delete_marker": true}');
end $function$
;

CREATE OR REPLACE FUNCTION archiver.tell_failed(_track public.tracks, _job public.track_archiving_jobs)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _problem text;
begin
  if _track.archived_to_storage is true or exists (
    select from public.track_archiving_jobs as j
    where j.track_id = _track.id and j.told_at is not null and not archiver.is_superseded(j, _track)) then
    return;
  end if;
  _problem := archiver.notify_owner(_track.user_id, _track.id, _track.title, false);
  update public.track_archiving_jobs as j
  set told_at = case when _problem is null then archiver.clock() end,
    metadata = case when _problem is null then j.metadata
      else j.metadata || jsonb_build_object('notification_error', _problem) end
  where j.id = _job.id;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.tell_saved(_track public.tracks)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.track_archiving_jobs as j set told_at = null where j.track_id = _track.id and j.told_at is not null;
  if found then
    perform archiver.notify_owner(_track.user_id, _track.id, _track.title, true);
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.touch_tracks()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform set_config('archiver.touched', 'yes', true);
  return coalesce(new, old);
end $function$
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
             date_trunc('milliseconds'::text, archiver.parse_expiry((track_timing._metadata ->> 'expires_at'::text))) AS known) track,
     LATERAL ( SELECT make_interval(secs => (EXTRACT(epoch FROM COALESCE(own.retention, others.retention, '15 days'::interval)))::double precision) AS retention,
             make_interval(secs => (EXTRACT(epoch FROM COALESCE(own.archive_after, others.archive_after, '13 days'::interval)))::double precision) AS archive_after,
             COALESCE(own.allowed_hosts, others.allowed_hosts, '{}'::text[]) AS allowed_hosts,
             COALESCE(own.user_agent, others.user_agent, 'track-archiver'::text) AS user_agent
            FROM ((( VALUES (true)) one("row")
              LEFT JOIN public.track_archiving_policies own ON ((own.provider = lower(btrim(track_timing._provider)))))
              LEFT JOIN public.track_archiving_policies others ON ((others.provider = '*'::text)))) policy;
END
;

CREATE OR REPLACE FUNCTION archiver.tried_until(_due_at timestamp with time zone, _expires_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN LEAST(_expires_at, (_due_at + '30 days'::interval))
;

CREATE OR REPLACE FUNCTION archiver.wake_refused()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _archived uuid[];
begin
  update public.track_archiving_settings set deadlines_after = '00000000-0000-0000-0000-000000000000';
  update public.track_archiving_jobs as j set next_check_at = archiver.clock()
  from (
    select refused.id from public.track_archiving_jobs as refused
    where refused.status = 'failed' and refused.is_latest and refused.error_code = 'host_not_allowed'
      and refused.next_check_at is null and refused.expires_at > archiver.clock()
    order by refused.track_id for update
  ) as locked where j.id = locked.id;
  with woken as (
    update public.track_archiving_files as f set error_code = null, refused_at = null
    from (
      select refused.track_id, refused.kind from public.track_archiving_files as refused
      where refused.error_code = 'host_not_allowed' and refused.expires_at > archiver.clock()
      order by refused.track_id, refused.kind for update
    ) as locked
    where f.track_id = locked.track_id and f.kind = locked.kind
    returning f.track_id
  )
  select array_agg(distinct t.id) into _archived from woken as w
  join public.tracks as t on t.id = w.track_id and t.status = 'completed' and t.archived_to_storage;
  perform from archiver.open_jobs(_archived); -- for a cover or video that a saved song lacks
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.webhook_record(_track public.tracks)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return case when _track.id is not null then jsonb_build_object('id', _track.id, 'user_id', _track.user_id,
    'status', left(_track.status::text, 100), 'provider', left(_track.provider::text, 100),
    'archive_scheduled_at', _track.archive_scheduled_at,
    'archived_to_storage', coalesce(_track.archived_to_storage, false)) end;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.webhook_signatures(_content text, _secrets text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _each text; _signatures text;
begin
  foreach _each in array string_to_array(regexp_replace(btrim(_secrets), '\s+', ' ', 'g'), ' ') loop
    _signatures := concat_ws(' ', _signatures, 'v1,' || encode(archiver.hmac_sha256(
      convert_to(_content, 'UTF8'), decode(regexp_replace(_each, '^whsec_', ''), 'base64')), 'base64'));
  end loop;
  return _signatures;
end $function$
;

CREATE OR REPLACE FUNCTION archiver.webhook_target(OUT url text, OUT secrets text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  select nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_url')), ''),
    nullif(btrim(max(s.decrypted_secret) filter (where s.name = 'track_archiver_webhook_secret')), '')
  into url, secrets from vault.decrypted_secrets as s
  where s.name in ('track_archiver_webhook_url', 'track_archiver_webhook_secret');
end $function$
;

CREATE OR REPLACE FUNCTION archiver.without_query(_url text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN regexp_replace(btrim(_url), '[?#].*$'::text, ''::text)
;

CREATE OR REPLACE FUNCTION public.adopt_tracks(_limit integer, OUT looked integer, OUT opened integer, OUT lost integer)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _after uuid; _page uuid[]; _open uuid[];
begin
  select s.adopted_up_to into _after from public.track_archiving_settings as s for update;
  select 0, 0, 0 into looked, opened, lost;
  if _after is null then return; end if;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(select t.id from public.tracks as t where t.id > _after order by t.id limit greatest(_limit, 1));
  looked := cardinality(_page);
  with hollow as (
    select t.id, timing.expires_at > archiver.clock() as may_be_saved, t.audio_url
    from public.tracks as t
    cross join lateral archiver.object_of(t.storage_audio_url) as object
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_page) and t.archived_to_storage is true
      and (object.object_name is not null and archiver.stored_bytes(object.bucket_id, object.object_name) is null
        or coalesce(btrim(t.storage_audio_url), '') = '')
      and not exists (select from public.track_archiving_files as f where f.track_id = t.id)
  ), noted as (
    insert into public.track_archiving_files (track_id, kind, source_url, error_code, refused_at)
    select h.id, 'audio', nullif(btrim(h.audio_url), ''), 'storage_lost', archiver.clock()
    from hollow as h where not h.may_be_saved
    on conflict (track_id, kind) do nothing
    returning track_id
  ), reopened as (
    update public.tracks as t
    set archived_to_storage = false, archived_at = null, storage_audio_url = null
    from hollow as h where t.id = h.id and (h.may_be_saved or coalesce(btrim(t.storage_audio_url), '') = '')
    returning t.id
  ) select count(*) into lost from noted;
  _open := array(
    select t.id from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_page) and t.status = 'completed' and t.archived_to_storage is not true
      and timing.expires_at > archiver.clock()
      and not exists (select from public.track_archiving_jobs as j
        where j.track_id = t.id and j.is_latest and j.status <> 'completed' and j.error_code is distinct from 'legacy_system'));
  update public.tracks as t set archive_scheduled_at = timing.due_at
  from public.tracks as same
  cross join lateral archiver.track_timing(same.provider::text, same.created_at, same.metadata) as timing
  where t.id = any (_open) and same.id = t.id and t.archive_scheduled_at is distinct from timing.due_at;
  perform from archiver.open_jobs(_open);
  opened := cardinality(_open);
  update public.track_archiving_settings set adopted_up_to = case when looked >= greatest(_limit, 1) then _page[looked] end, files_lost = files_lost + lost;
end $function$
;

CREATE OR REPLACE FUNCTION public.archive_without_optional(_track_id uuid, _error_code text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _job public.track_archiving_jobs; _former public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  if not archiver.may_be_closed(_track, _job) then return false; end if;
  if exists (select from archiver.forget_lost_copies(array[_track_id])) then
    perform archiver.show_files(_track_id, _job.id);
  end if;
  if not archiver.is_audio_stored(_track_id) then return false; end if;
  update public.track_archiving_files as f set error_code = _error_code, refused_at = archiver.clock()
  where f.track_id = _track_id and archiver.is_missing(f);
  if _job.status = 'failed' then
    _former := _job;
    select * into _job from archiver.open_jobs(array[_track_id]);
    update public.track_archiving_jobs as j
    set attempt = _former.attempt, started_at = _former.started_at, original_audio_url = _former.original_audio_url,
      original_cover_url = _former.original_cover_url, original_video_url = _former.original_video_url
    where j.id = _job.id;
  end if;
  perform archiver.archive_track(_track, _job.id);
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.audit_stored_files(_limit integer, OUT looked integer, OUT lost integer)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _after uuid; _page uuid[]; _locked uuid[]; _lost uuid[];
begin
  select s.audited_up_to into _after from public.track_archiving_settings as s for update;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select distinct f.track_id from public.track_archiving_files as f
    where f.track_id > _after order by f.track_id limit greatest(_limit, 1));
  _locked := array(
    select t.id from public.tracks as t
    where t.id = any (_page) and t.id <> all (array(select j.track_id from public.track_archiving_jobs as j
      where j.track_id = any (_page) and j.status = 'processing' and j.lease_expires_at > archiver.clock()))
    order by t.id for no key update skip locked);
  _lost := array(select archiver.forget_lost_copies(_locked));
  perform archiver.show_files(found.id, null) from unnest(_lost) as found (id);
  update public.tracks as t set archived_to_storage = false, archived_at = null, archive_scheduled_at = archiver.clock()
  where t.id = any (_lost) and t.archived_to_storage is true and t.status = 'completed';
  update public.track_archiving_jobs as j set renews = false where j.track_id = any (_lost) and j.renews and j.is_latest;
  perform from archiver.open_jobs(_lost);
  looked := cardinality(_page);
  lost := cardinality(_lost);
  update public.track_archiving_settings
  set audited_up_to = case when looked >= greatest(_limit, 1) then _page[looked]
    else '00000000-0000-0000-0000-000000000000' end, files_lost = files_lost + lost;
end $function$
;

CREATE OR REPLACE FUNCTION public.check_track_notifications()
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _user_id uuid := (select id from auth.users limit 1); _problem text;
begin
  if _user_id is null then return null; end if;
  begin
    _problem := coalesce(
      archiver.notify_owner(_user_id, _user_id, 'title', false), archiver.notify_owner(_user_id, _user_id, 'title', true));
    raise exception using errcode = 'TA000';
  exception when sqlstate 'TA000' then
    return _problem;
  end;
end $function$
;

CREATE OR REPLACE FUNCTION public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text, _project_url text DEFAULT NULL::text)
 RETURNS TABLE(outcome text, job_id uuid, fencing_token bigint, attempt integer, lease_expires_at timestamp with time zone, user_id uuid, title text, provider text, expires_at timestamp with time zone, allowed_hosts text[], user_agent text, audio_url text, cover_url text, video_url text, storage_audio_url text, storage_cover_url text, storage_video_url text, gone text[], asked_before text[], duration_seconds double precision, stored_seconds jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare _track public.tracks; _job public.track_archiving_jobs; _is_open boolean; _due_at timestamptz;
  _expires_at timestamptz;
begin
  if _lease_seconds is null or _lease_seconds < 1 then
    raise exception 'a lease lasts a second at least' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  _is_open := coalesce(_job.status in ('pending', 'processing'), false);
  outcome := case
    when _track.id is null then 'not_found'
    when _track.status is distinct from 'completed' then 'not_completed'
    when _track.archived_to_storage is true and not archiver.is_renewal(_job) then 'already_archived'
    when _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then 'busy'
    when _track.user_id is null then 'owner_missing'
  end;
  if outcome is not null then
    -- Its message ends here: a job left pending would tell a later completion that one is on its way.
    if outcome in ('not_completed', 'already_archived') then
      delete from public.track_archiving_jobs as j where j.id = _job.id and j.status = 'pending';
    elsif outcome = 'owner_missing' then
      perform archiver.fail_without_owner(_track_id);
    end if;
    return next;
    return;
  end if;
  select coalesce(_track.archive_scheduled_at, timing.due_at), timing.expires_at, timing.allowed_hosts, timing.user_agent
  into _due_at, _expires_at, allowed_hosts, user_agent
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if not _is_open then
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  -- What was copied into a former owner's folder is copied into the present one's.
  update public.track_archiving_files as f set copied_from = null
  from public.track_archiving_jobs as former
  where f.track_id = _track_id and former.track_id = _track_id and former.user_id <> _track.user_id
    and starts_with(f.object_name, former.user_id || '/');
  if _job.attempt = 0 then
    -- A new series of attempts asks again for what was refused in the one before.
    update public.track_archiving_files as f set error_code = null, refused_at = null
    where f.track_id = _track_id and f.error_code is not null;
  end if;
  perform archiver.snapshot_sources(_track, _due_at, _expires_at);
  perform archiver.record_in_place(_track, _project_url);
  update public.track_archiving_jobs as j
  set status = 'processing', attempt = j.attempt + 1, claimed_by = left(_worker, 200), started_at = archiver.clock(),
    -- Those that crashed on former sources say nothing of the present ones.
    crash_count = case when archiver.is_superseded(j, _track) then 0
      else j.crash_count + (j.status = 'processing')::integer end,
    fencing_token = nextval('archiver.fencing_tokens'), due_at = _due_at, expires_at = _expires_at,
    lease_expires_at = archiver.clock() + make_interval(secs => _lease_seconds),
    next_check_at = archiver.clock() + make_interval(secs => _lease_seconds),
    user_id = _track.user_id, original_audio_url = nullif(btrim(_track.audio_url), ''),
    original_cover_url = nullif(btrim(_track.cover_url), ''), original_video_url = nullif(btrim(_track.video_url), ''),
    error_code = null, error_message = null
  where j.id = _job.id returning * into _job;
  perform archiver.show_files(_track_id, _job.id);
  select 'claimed', _job.id, _job.fencing_token, _job.attempt, _job.lease_expires_at, _job.user_id, _expires_at,
    left(_track.title, 500), left(_track.provider::text, 100),
    left(max(f.source_url) filter (where f.kind = 'audio'), 8192),
    left(max(f.source_url) filter (where f.kind = 'cover'), 8192),
    left(max(f.source_url) filter (where f.kind = 'video'), 8192),
    max(f.storage_url) filter (where f.kind = 'audio' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'cover' and not archiver.is_missing(f)),
    max(f.storage_url) filter (where f.kind = 'video' and not archiver.is_missing(f)),
    coalesce(array_agg(f.kind order by f.kind) filter (where f.error_code is not null and f.kind <> 'audio'), '{}'),
    coalesce(array_agg(f.kind) filter (where f.first_refused_at <= archiver.clock()
      - case when _expires_at > archiver.clock() + interval '2 hours' then interval '1 hour' else interval '30 seconds' end),
      '{}'),
    archiver.duration_of(_track),
    coalesce(jsonb_object_agg(f.kind, f.duration_seconds)
      filter (where f.storage_url is not null and f.duration_seconds is not null), '{}')
  into outcome, job_id, fencing_token, attempt, lease_expires_at, user_id, expires_at, title, provider,
    audio_url, cover_url, video_url, storage_audio_url, storage_cover_url, storage_video_url, gone, asked_before,
    duration_seconds, stored_seconds
  from public.track_archiving_files as f where f.track_id = _track_id;
  return next;
end $function$
;

CREATE OR REPLACE FUNCTION public.close_track_archiving(_track_id uuid, _error_code text, _error_message text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _job public.track_archiving_jobs;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  if not archiver.may_be_closed(_track, _job) or public.archive_without_optional(_track_id, _error_code) then
    return false;
  end if;
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null, next_check_at = null, error_code = _error_code,
    error_message = left(concat_ws('. Before: ', _error_message, j.error_code || ': ' || coalesce(j.error_message, '')), 2000),
    updated_at = archiver.clock()
  where j.id = _job.id returning * into _job;
  perform archiver.tell_failed(_track, _job);
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.compact_track_counts()
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with taken as (delete from archiver.track_counts returning archived, waiting)
  insert into archiver.track_counts (archived, waiting) select coalesce(sum(archived), 0), coalesce(sum(waiting), 0) from taken
$function$
;

CREATE OR REPLACE FUNCTION public.complete_track_archiving(_job_id uuid, _fencing_token bigint)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _job public.track_archiving_jobs; _missing text;
begin
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return 'lease_lost'; end if;
  select * into _track from public.tracks as t where t.id = _job.track_id;
  if archiver.is_superseded(_job, _track) then
    update public.track_archiving_jobs
    set status = 'pending', lease_expires_at = null, claimed_by = null, queued_at = null,
      next_check_at = archiver.clock() + interval '5 minutes',
      error_code = 'superseded', error_message = 'The sources of the track changed while they were copied.'
    where id = _job_id;
    return 'superseded';
  end if;
  select string_agg(needed.kind, ', ' order by needed.kind) into _missing
  from (
    select f.kind from public.track_archiving_files as f where f.track_id = _track.id and archiver.is_missing(f)
    union
    select 'audio' where not exists (select from public.track_archiving_files as f
      where f.track_id = _track.id and f.kind = 'audio' and f.storage_url is not null)
  ) as needed;
  if _missing is not null then
    raise exception 'track % cannot be complete: % neither stored nor refused', _track.id, _missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if exists (select from archiver.forget_lost_copies(array[_track.id])) then
    perform archiver.show_files(_track.id, _job_id);
    return 'not_stored';
  end if;
  perform archiver.archive_track(_track, _job_id);
  return 'completed';
end $function$
;

CREATE OR REPLACE FUNCTION public.confirm_track_schedule(_job_id uuid, _due_at timestamp with time zone, _route text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks;
begin
  if _route is null or _route not in ('schedule', 'queue') then
    raise exception 'the route is either schedule or queue' using errcode = 'invalid_parameter_value';
  end if;
  select t.* into _track from public.tracks as t
  where t.id = (select j.track_id from public.track_archiving_jobs as j where j.id = _job_id)
  for no key update;
  if _track.status is distinct from 'completed' or _track.archive_scheduled_at is null
    or abs(extract(epoch from _track.archive_scheduled_at - _due_at)) >= 0.001 then
    return false;
  end if;
  update public.track_archiving_jobs as j
  set scheduled_for = case _route when 'schedule' then _due_at else j.scheduled_for end,
    queued_at = case _route when 'queue' then archiver.clock() else j.queued_at end,
    next_check_at = case _route when 'schedule' then archiver.check_after_schedule(_due_at, j.expires_at)
      else archiver.check_after_message(j.expires_at) end
  where j.id = _job_id and j.status = 'pending' and (j.renews or _track.archived_to_storage is not true);
  return found;
end $function$
;

CREATE OR REPLACE FUNCTION public.fail_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _may_retry boolean DEFAULT false, _is_said boolean DEFAULT true)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _job public.track_archiving_jobs; _superseded boolean;
begin
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return false; end if;
  select * into _track from public.tracks as t where t.id = _job.track_id;
  _superseded := archiver.is_superseded(_job, _track);
  update public.track_archiving_jobs as j
  set status = 'failed', lease_expires_at = null,
    next_check_at = case when _superseded then archiver.clock() + interval '5 minutes'
      when _may_retry then coalesce(archiver.retry_at(j.due_at, j.expires_at),
        case when not _is_said or archiver.is_audio_stored(_track.id) then archiver.clock() end) end,
    error_code = coalesce(_error_code, 'internal'), error_message = left(_error_message, 2000),
    updated_at = archiver.clock()
  where j.id = _job_id returning * into _job;
  if _superseded then
    update public.tracks set archive_scheduled_at = archiver.clock() where id = _track.id and status = 'completed';
  elsif _job.next_check_at is null then
    perform archiver.tell_failed(_track, _job);
  end if;
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.forget_leftover(_bucket_id text, _object_name text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from public.track_archiving_leftovers as l where l.bucket_id = _bucket_id and l.object_name = _object_name
$function$
;

CREATE OR REPLACE FUNCTION public.get_archiving_backlog()
 RETURNS TABLE(overdue bigint, near_expiry bigint, files_lost bigint, leftovers bigint)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select
    count(*) filter (where j.status <> 'failed'),
    count(*) filter (where j.expires_at - (select archiver.clock()) < interval '2 days'),
    (select s.files_lost from public.track_archiving_settings as s),
    (select count(*) from public.track_archiving_leftovers as l where l.reason = 'deleted')
  from public.track_archiving_jobs as j
  where j.status <> 'completed' and j.is_latest and not j.renews
    and j.due_at between (select archiver.clock()) - interval '30 days' and (select archiver.clock())
    and j.expires_at > (select archiver.clock())
    and j.due_at + least(interval '1 hour', (j.expires_at - j.due_at) / 4) <= (select archiver.clock())
$function$
;

CREATE OR REPLACE FUNCTION public.get_archiving_states(_track_ids uuid[])
 RETURNS TABLE(track_id uuid, found boolean, title text, status text, archived_to_storage boolean, archived_at timestamp with time zone, expires_at timestamp with time zone, job_status text, error_code text, error_message text, job_updated_at timestamp with time zone, job_created_at timestamp with time zone, job_renews boolean, checked_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select asked.id, t.id is not null, left(t.title, 500), left(t.status::text, 100), t.archived_to_storage is true,
    t.archived_at, timing.expires_at,
    latest.status, latest.error_code, latest.error_message, latest.updated_at, latest.created_at, latest.renews,
    archiver.clock()
  from (select distinct unnest(_track_ids) as id) as asked
  left join public.tracks as t on t.id = asked.id
  left join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    on t.id is not null
  left join lateral (
    select j.status, j.error_code, j.error_message, j.updated_at, j.created_at, j.renews
    from public.track_archiving_jobs as j where j.track_id = t.id order by j.created_at desc limit 1
  ) as latest on true
$function$
;

CREATE OR REPLACE FUNCTION public.get_removable_objects(_limit integer, _bucket_id text DEFAULT NULL::text, _object_name text DEFAULT NULL::text)
 RETURNS TABLE(bucket_id text, object_name text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
declare _until timestamptz := (
  select archiver.clock() - make_interval(days => s.remove_deleted_after_days) from public.track_archiving_settings as s);
begin
  return query
  select l.bucket_id, l.object_name
  from ( -- each in the order of its index, so that a page reads a page
    (select * from public.track_archiving_leftovers as replaced where replaced.reason = 'replaced' order by replaced.since)
    union all
    (select * from public.track_archiving_leftovers as deleted where deleted.reason = 'deleted' and deleted.since <= _until
    order by deleted.since)
  ) as l
  where (_object_name is null or (l.bucket_id, l.object_name) = (_bucket_id, _object_name))
    and not exists (
      select from public.tracks as t
      where t.id = substring(l.object_name from '([0-9a-f-]{36})\.[a-z0-9]+$')::uuid and (
        l.reason = 'deleted'
        or position('/' || l.object_name in concat_ws(' ', t.storage_audio_url, t.storage_cover_url, t.storage_video_url)) > 0))
    and not exists (
      select from public.track_archiving_files as f
      where f.object_name is not null and not archiver.is_own_object(f.track_id, f.bucket_id, f.object_name)
        and (f.bucket_id, f.object_name) = (l.bucket_id, l.object_name))
  order by l.since limit greatest(_limit, 0);
end $function$
;

CREATE OR REPLACE FUNCTION public.get_tracks_needing_archiving(_limit integer DEFAULT 50)
 RETURNS TABLE(track_id uuid, user_id uuid, title text, provider text, audio_url text, cover_url text, video_url text, created_at timestamp with time zone, archive_scheduled_at timestamp with time zone, expires_at timestamp with time zone, days_until_expiry numeric)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with waiting as (
    (select j.track_id, j.expires_at, false as expired from public.track_archiving_jobs as j
      where j.status in ('pending', 'processing') and j.is_latest and not j.renews
        and j.expires_at > (select archiver.clock()) and j.due_at <= (select archiver.clock())
        and (j.status = 'pending' or j.lease_expires_at <= (select archiver.clock()))
      order by j.expires_at, j.track_id limit greatest(_limit, 0))
    union all
    (select j.track_id, j.expires_at, true from public.track_archiving_jobs as j
      where j.status in ('pending', 'processing') and j.is_latest and not j.renews
        and j.expires_at <= (select archiver.clock())
        and (j.status = 'pending' or j.lease_expires_at <= (select archiver.clock()))
      order by j.expires_at, j.track_id limit greatest(_limit, 0))
  )
  select t.id, t.user_id, left(t.title, 500), left(t.provider::text, 100), left(t.audio_url, 8192), left(t.cover_url, 8192),
    left(t.video_url, 8192), t.created_at, t.archive_scheduled_at, w.expires_at,
    round(extract(epoch from w.expires_at - (select archiver.clock())) / 86400, 6)
  from waiting as w
  join public.tracks as t on t.id = w.track_id and t.status = 'completed' and t.archived_to_storage is not true
  order by w.expired, w.expires_at, t.id
  limit greatest(_limit, 0)
$function$
;

CREATE OR REPLACE FUNCTION public.mark_track_archived(_track_id uuid, _storage_audio_url text, _storage_cover_url text DEFAULT NULL::text, _storage_video_url text DEFAULT NULL::text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _track public.tracks; _job public.track_archiving_jobs;
begin
  if coalesce(btrim(_storage_audio_url), '') = '' then
    raise exception 'a track is archived only with its audio' using errcode = 'invalid_parameter_value';
  end if;
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  if not found then return false; end if;
  select * into _job from public.track_archiving_jobs as j
  where j.track_id = _track_id and j.status in ('pending', 'processing') for update;
  if not found then
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  perform archiver.snapshot_sources(_track, _job.due_at, _job.expires_at);
  select _storage_audio_url, _storage_cover_url, _storage_video_url
  into _track.storage_audio_url, _track.storage_cover_url, _track.storage_video_url;
  perform archiver.record_copy(_track_id, given.kind, given.url, given.stored)
  from archiver.files_of(_track) as given where given.stored is not null;
  perform archiver.archive_track(_track, _job.id);
  update public.track_archiving_jobs as j
  set claimed_by = 'mark_track_archived', metadata = (j.metadata - 'assets') || '{"manual": true}' where j.id = _job.id;
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.open_missing_jobs(_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _longest interval; _widest interval; _found uuid[];
begin
  select max(p.retention) + interval '1 day', max(p.retention - p.archive_after) + interval '1 day'
  into _longest, _widest from public.track_archiving_policies as p;
  perform set_config('archiver.suppressed', 'yes', true);
  _found := array(
    with without as materialized ( -- two looks at one index, and at no row of what has its job
      select t.id from public.tracks as t
      where t.status = 'completed' and t.archived_to_storage is not true
        and t.archive_scheduled_at is null and t.created_at > archiver.clock() - _longest
        and not exists (select from public.track_archiving_jobs as j
          where j.track_id = t.id and j.status in ('pending', 'processing'))
      union all
      select t.id from public.tracks as t
      where t.status = 'completed' and t.archived_to_storage is not true
        and t.archive_scheduled_at between archiver.clock() - _widest and archiver.clock() + interval '2 hours'
        and not exists (select from public.track_archiving_jobs as j
          where j.track_id = t.id and j.status in ('pending', 'processing'))
    )
    select t.id from public.tracks as t
    where t.id in (select w.id from without as w) and t.status = 'completed' and t.archived_to_storage is not true
      and not exists (select from public.track_archiving_jobs as j where j.track_id = t.id
        and (j.status in ('pending', 'processing') or j.is_latest and archiver.has_failed(j, t)))
      and exists (select from archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
        where timing.expires_at > archiver.clock())
    order by t.archive_scheduled_at, t.created_at
    limit greatest(_limit, 0)
    for no key update of t skip locked);
  update public.tracks as t set archive_scheduled_at = timing.due_at
  from public.tracks as same
  cross join lateral archiver.track_timing(same.provider::text, same.created_at, same.metadata) as timing
  where t.id = any (_found) and t.archive_scheduled_at is null and same.id = t.id;
  perform from archiver.open_jobs(_found);
  return cardinality(_found);
end $function$
;

CREATE OR REPLACE FUNCTION public.plan_track_archiving(_track_id uuid, _retry boolean DEFAULT false)
 RETURNS TABLE(action text, reason text, job_id uuid, due_at timestamp with time zone, expires_at timestamp with time zone, scheduled_for timestamp with time zone, queued_at timestamp with time zone)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare _track public.tracks; _job public.track_archiving_jobs; _is_open boolean; _due_at timestamptz;
  _expires_at timestamptz;
begin
  select * into _track from public.tracks as t where t.id = _track_id for no key update;
  select * into _job from archiver.lock_latest_job(_track_id);
  _is_open := coalesce(_job.status in ('pending', 'processing'), false);
  reason := case
    when _track.id is null then 'track_not_found'
    when _job.status = 'processing' and _job.lease_expires_at > archiver.clock() then 'in_progress'
    when _track.status is distinct from 'completed' then 'not_completed'
    when _track.archived_to_storage is true and not archiver.is_renewal(_job) then 'already_archived'
    when _track.user_id is null then 'owner_missing'
    -- Only a person or the sweep retries it.
    when not _retry and archiver.has_failed(_job, _track) then 'failed'
  end;
  if reason is not null then
    action := case when reason in ('in_progress', 'failed', 'owner_missing') then 'ignore' else 'cancel' end;
    if _is_open then
      job_id := _job.id;
    end if;
    if action = 'cancel' then
      -- Whoever had it crashed.
      delete from public.track_archiving_jobs as j where j.id = _job.id and _is_open;
      update public.track_archiving_jobs as j set next_check_at = null where j.id = _job.id and j.next_check_at is not null;
    elsif reason = 'owner_missing' then
      perform archiver.fail_without_owner(_track_id);
    end if;
    return next;
    return;
  end if;
  select coalesce(_track.archive_scheduled_at, timing.due_at), timing.expires_at into _due_at, _expires_at
  from archiver.track_timing(_track.provider::text, _track.created_at, _track.metadata) as timing;
  if _track.archive_scheduled_at is null then
    update public.tracks as t set archive_scheduled_at = _due_at where t.id = _track_id;
  end if;
  if _is_open then
    -- A crashed worker's job becomes pending again. What was arranged for another date is not waited for.
    update public.track_archiving_jobs as j
    set status = 'pending', lease_expires_at = null, claimed_by = null,
      crash_count = j.crash_count + (j.status = 'processing')::integer,
      due_at = _due_at, expires_at = _expires_at,
      next_check_at = case when j.due_at = _due_at then greatest(j.next_check_at, archiver.clock() + interval '5 minutes')
        else archiver.clock() + interval '5 minutes' end
    where j.id = _job.id returning * into _job;
  else
    select * into _job from archiver.open_jobs(array[_track_id]);
  end if;
  return query select 'schedule', null::text, _job.id, _due_at, _expires_at, _job.scheduled_for, _job.queued_at;
end $function$
;

CREATE OR REPLACE FUNCTION public.refresh_deadlines(_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _after uuid; _page uuid[]; _locked uuid[]; _done integer;
begin
  select s.deadlines_after into _after from public.track_archiving_settings as s for update;
  if _after is null then return 0; end if;
  perform set_config('archiver.suppressed', 'yes', true);
  _page := array(
    select j.track_id from public.track_archiving_jobs as j
    where j.next_check_at is not null and j.track_id > _after order by j.track_id limit greatest(_limit, 1));
  _locked := array(select t.id from public.tracks as t where t.id = any (_page) order by t.id for no key update skip locked);
  with now_due as materialized (
    select t.id, least(t.archive_scheduled_at, timing.due_at) as due_at, timing.expires_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    where t.id = any (_locked)
  ), dated as (
    update public.tracks as t set archive_scheduled_at = n.due_at
    from now_due as n where t.id = n.id and t.archive_scheduled_at is distinct from n.due_at
  )
  update public.track_archiving_jobs as j
  set due_at = n.due_at, expires_at = n.expires_at,
    next_check_at = least(j.next_check_at, case
      when j.status = 'failed' then archiver.retry_at(n.due_at, n.expires_at)
      when j.status = 'pending' and n.due_at < j.due_at then archiver.clock()
      when j.status = 'pending' and j.queued_at is not null then archiver.check_after_message(n.expires_at) end)
  from now_due as n
  where j.track_id = n.id and j.next_check_at is not null
    and (j.due_at, j.expires_at) is distinct from (n.due_at, n.expires_at);
  _done := coalesce((select min(p.place) - 1 from unnest(_page) with ordinality as p (id, place)
    where p.id <> all (_locked)), cardinality(_page));
  update public.track_archiving_settings
  set deadlines_after = case
    when _done < cardinality(_page) then coalesce(_page[_done], _after) when _done >= greatest(_limit, 1) then _page[_done] end;
  return _done;
end $function$
;

CREATE OR REPLACE FUNCTION public.release_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _seconds integer DEFAULT 900)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.track_archiving_jobs as j
  set status = 'pending', lease_expires_at = null, claimed_by = null,
    next_check_at = archiver.clock() + make_interval(secs => _seconds) + interval '15 minutes',
    error_code = _error_code, error_message = left(_error_message, 2000), updated_at = archiver.clock()
  where j.id = _job_id and j.status = 'processing' and j.fencing_token = _fencing_token;
  return found;
end $function$
;

CREATE OR REPLACE FUNCTION public.schedule_track_archiving()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.store_track_asset(_job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare _job public.track_archiving_jobs; _former public.track_archiving_files; _object record; _stored bigint;
  _is_final boolean;
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
  _job := archiver.lock_claim(_job_id, _fencing_token);
  if _job.id is null then return false; end if;
  select * into _former from public.track_archiving_files as f where f.track_id = _job.track_id and f.kind = _asset for update;
  if _storage_url is null then
    _is_final := _details ->> 'is_final' is distinct from 'false';
    update public.track_archiving_files as f
    set first_refused_at = coalesce(f.first_refused_at, archiver.clock()), refused_at = case when _is_final then archiver.clock() end,
      error_code = case when _is_final then coalesce(_details ->> 'code', 'provider_gone') end
    where f.track_id = _job.track_id and f.kind = _asset;
  else
    select * into _object from archiver.object_of(_storage_url);
    if _storage_url !~ '[?#]' and (_asset, _object.bucket_id)
      in (('audio', 'tracks-audio'), ('cover', 'tracks-covers'), ('video', 'tracks-videos')) then
      _stored := archiver.stored_bytes(_object.bucket_id, _object.object_name);
    end if;
    if _stored is null or _stored is distinct from (_details ->> 'bytes')::bigint then
      raise exception 'Storage has % bytes of the %, not %', coalesce(_stored::text, 'no'), _asset,
        coalesce(_details ->> 'bytes', 'an unknown number') using errcode = 'TA001';
    end if;
    perform archiver.record_copy(_job.track_id, _asset, _former.source_url, _storage_url, _stored, _details);
    delete from public.track_archiving_leftovers as l
    where l.bucket_id = _object.bucket_id and l.object_name = _object.object_name;
    insert into public.track_archiving_leftovers (bucket_id, object_name, reason)
    select _former.bucket_id, _former.object_name, 'replaced'
    where (_former.bucket_id, _former.object_name) is distinct from (_object.bucket_id, _object.object_name)
      and archiver.is_own_object(_job.track_id, _former.bucket_id, _former.object_name)
    on conflict (bucket_id, object_name) do nothing;
  end if;
  perform archiver.show_files(_job.track_id, _job_id);
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.take_stalled_tracks(_limit integer, _room integer, _max_crashes integer, _window integer DEFAULT 20000)
 RETURNS TABLE(track_id uuid, expires_at timestamp with time zone, action text, cause text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
begin
  return query with oldest as materialized (
    select j.id, j.user_id, j.due_at, j.expires_at
    from public.track_archiving_jobs as j
    where j.next_check_at <= (select archiver.clock())
    order by j.next_check_at
    limit _window
  ), crowded as materialized (
    select count(*) >= _window and count(distinct o.user_id) < _limit as is_true from oldest as o
  ), passed as (
    select o.* from oldest as o where not (select c.is_true from crowded as c)
    union all
    select j.id, j.user_id, j.due_at, j.expires_at from public.track_archiving_jobs as j
    where j.next_check_at <= (select archiver.clock()) and (select c.is_true from crowded as c)
  ), in_flight as materialized (
    select j.user_id, count(*) as number from public.track_archiving_jobs as j
    where j.status in ('pending', 'processing') and j.queued_at is not null and j.next_check_at > (select archiver.clock())
    group by j.user_id
  ), turns as (
    select p.id, p.expires_at, late.has_expired, late.needs_room,
      case when late.needs_room then coalesce(f.number, 0) else 0 end
        + row_number() over (partition by p.user_id, late.needs_room order by p.expires_at, p.id) as turn
    from passed as p
    cross join lateral (select p.expires_at <= (select archiver.clock()) as has_expired,
      p.due_at <= (select archiver.clock()) and p.expires_at > (select archiver.clock()) as needs_room) as late
    left join in_flight as f on f.user_id = p.user_id
  ), places as (
    select t.*, row_number() over (partition by t.needs_room order by t.turn, t.has_expired, t.expires_at, t.id) as place
    from turns as t
    where not t.needs_room
      or (select count(distinct p.user_id) = 1 from passed as p)
      or t.turn <= (select greatest(50, (_room + coalesce(sum(f.number), 0)) / 2) from in_flight as f)
  ), page as materialized (
    select p.id, row_number() over (order by p.place, p.has_expired, p.expires_at, p.id) as place
    from places as p
    where not p.needs_room or p.place <= _room
    order by p.place, p.has_expired, p.expires_at, p.id
    limit greatest(_limit, 0)
  ), locked as materialized (
    select page.place, j as job
    from page
    join public.track_archiving_jobs as j on j.id = page.id and j.next_check_at <= (select archiver.clock())
    order by page.place
    for update of j skip locked
  ), seen as (
    select l.place, l.job, timing.expires_at,
      is_now.wanted and not is_now.superseded and is_now.crashes as crashed,
      is_now.wanted and not is_now.superseded and (l.job).started_at is not null
        and archiver.tried_until(due.at, timing.expires_at) <= (select archiver.clock()) as expired,
      is_now.wanted and due.at <= (select archiver.clock()) as due
    from locked as l
    join public.tracks as t on t.id = (l.job).track_id
    cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
    cross join lateral (select coalesce(t.archive_scheduled_at, timing.due_at) as at) as due
    cross join lateral (select archiver.is_superseded(l.job, t) as superseded,
      (l.job).status = 'processing' and (l.job).crash_count + 1 >= _max_crashes as crashes,
      t.status is not distinct from 'completed' and t.user_id is not null
        and (t.archived_to_storage is not true or (l.job).renews) as wanted) as is_now
  ), counted as (
    select s.*, count(*) filter (where s.due and not (s.crashed or s.expired)) over (order by s.place) as dispatched
    from seen as s
  ), taken as (
    update public.track_archiving_jobs as j
    set next_check_at = archiver.clock() + interval '15 minutes'
    from counted as c
    where j.id = (c.job).id and (c.crashed or c.expired or not c.due or c.dispatched <= _room)
    returning j.id
  )
  select (c.job).track_id, c.expires_at,
    case when c.crashed or c.expired then case when archiver.is_audio_stored((c.job).track_id) then 'archive' else 'close' end
      when c.due then 'dispatch' else 'schedule' end,
    case when c.crashed then 'workers_crashed' when c.expired then 'expired'
      when (c.job).status = 'processing' then 'lease_expired'
      when (c.job).status = 'failed' then 'failed_before'
      when (c.job).requested and (c.job).queued_at is null then 'requested'
      when (c.job).queued_at is not null then 'message_stalled'
      when (c.job).scheduled_for is not null then 'schedule_stalled'
      else 'unplanned' end
  from counted as c join taken on taken.id = (c.job).id order by c.place;
end $function$
;

create view public.archive_statistics with (security_invoker=true) as
 SELECT sums.archived AS total_archived,
    jobs.pending AS pending_archive,
    jobs.urgent AS urgent_archive_needed,
    GREATEST((sums.waiting - jobs.pending), (0)::bigint) AS expired_tracks,
    round(((100.0 * (sums.archived)::numeric) / (NULLIF((sums.archived + GREATEST(sums.waiting, jobs.pending)), 0))::numeric), 1) AS archive_percentage,
    settings.files_lost
   FROM ((public.track_archiving_settings settings
     LEFT JOIN LATERAL ( SELECT (sum(c.archived))::bigint AS archived,
            (sum(c.waiting))::bigint AS waiting
           FROM archiver.track_counts c) sums ON ((settings.counted_at IS NOT NULL)))
     CROSS JOIN LATERAL ( SELECT count(*) AS pending,
            count(*) FILTER (WHERE (j.expires_at < (( SELECT archiver.clock() AS clock) + '2 days'::interval))) AS urgent
           FROM public.track_archiving_jobs j
          WHERE ((j.status <> 'completed'::text) AND j.is_latest AND (NOT j.renews) AND (j.expires_at > ( SELECT archiver.clock() AS clock)))) jobs);

CREATE TRIGGER track_archiving_900_keep_leftovers AFTER DELETE ON public.track_archiving_files REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION archiver.keep_leftovers();

CREATE TRIGGER track_archiving_100_mark_request BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW EXECUTE FUNCTION archiver.mark_request();

CREATE TRIGGER track_archiving_200_accept_request BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW WHEN (new.requested) EXECUTE FUNCTION archiver.accept_request();

CREATE TRIGGER track_archiving_300_date BEFORE INSERT ON public.track_archiving_jobs FOR EACH ROW WHEN (((new.status = ANY (ARRAY['pending'::text, 'processing'::text])) AND (new.next_check_at IS NULL))) EXECUTE FUNCTION archiver.date_job();

CREATE TRIGGER track_archiving_500_check_transition BEFORE UPDATE ON public.track_archiving_jobs FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.fencing_token IS DISTINCT FROM new.fencing_token))) EXECUTE FUNCTION archiver.check_transition();

CREATE TRIGGER track_archiving_900_replace_former AFTER INSERT ON public.track_archiving_jobs REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION archiver.replace_former_jobs();

CREATE TRIGGER track_archiving_500_wake AFTER INSERT OR DELETE OR UPDATE ON public.track_archiving_policies FOR EACH STATEMENT EXECUTE FUNCTION archiver.wake_refused();

CREATE TRIGGER track_archiving_100_guard_insert BEFORE INSERT ON public.tracks FOR EACH ROW WHEN (((new.archived_to_storage IS TRUE) OR (new.storage_audio_url IS NOT NULL) OR (new.storage_cover_url IS NOT NULL) OR (new.storage_video_url IS NOT NULL) OR (new.archive_scheduled_at IS NOT NULL) OR (new.archived_at IS NOT NULL))) EXECUTE FUNCTION archiver.guard_archive_columns();

CREATE TRIGGER track_archiving_100_guard_update BEFORE UPDATE ON public.tracks FOR EACH ROW WHEN (((((((old.archived_to_storage IS DISTINCT FROM new.archived_to_storage) OR (old.storage_audio_url IS DISTINCT FROM new.storage_audio_url)) OR (old.storage_cover_url IS DISTINCT FROM new.storage_cover_url)) OR (old.storage_video_url IS DISTINCT FROM new.storage_video_url)) OR (old.archive_scheduled_at IS DISTINCT FROM new.archive_scheduled_at)) OR (old.archived_at IS DISTINCT FROM new.archived_at))) EXECUTE FUNCTION archiver.guard_archive_columns();

CREATE TRIGGER track_archiving_500_schedule_insert BEFORE INSERT ON public.tracks FOR EACH ROW WHEN (((new.status = 'completed'::text) AND (current_setting('archiver.dates_full'::text, true) IS DISTINCT FROM 'yes'::text))) EXECUTE FUNCTION public.schedule_track_archiving();

CREATE TRIGGER track_archiving_500_schedule_update BEFORE UPDATE ON public.tracks FOR EACH ROW WHEN (((((((((old.status IS DISTINCT FROM new.status) OR (old.provider IS DISTINCT FROM new.provider)) OR (old.created_at IS DISTINCT FROM new.created_at)) OR (old.audio_url IS DISTINCT FROM new.audio_url)) OR (old.cover_url IS DISTINCT FROM new.cover_url)) OR (old.video_url IS DISTINCT FROM new.video_url)) OR ((old.metadata ->> 'expires_at'::text) IS DISTINCT FROM (new.metadata ->> 'expires_at'::text))) AND (NOT ((new.status = 'completed'::text) AND (new.archived_to_storage IS NOT TRUE) AND (new.archive_scheduled_at IS NULL) AND (NOT (current_setting('archiver.dates_full'::text, true) IS DISTINCT FROM 'yes'::text)))))) EXECUTE FUNCTION public.schedule_track_archiving();

CREATE TRIGGER track_archiving_700_touch_delete BEFORE DELETE ON public.tracks FOR EACH ROW WHEN ((((old.status = 'completed'::text) OR old.archived_to_storage) AND (current_setting('archiver.touched'::text, true) IS DISTINCT FROM 'yes'::text))) EXECUTE FUNCTION archiver.touch_tracks();

CREATE TRIGGER track_archiving_700_touch_insert BEFORE INSERT ON public.tracks FOR EACH ROW WHEN ((((new.status = 'completed'::text) OR new.archived_to_storage) AND (current_setting('archiver.touched'::text, true) IS DISTINCT FROM 'yes'::text))) EXECUTE FUNCTION archiver.touch_tracks();

CREATE TRIGGER track_archiving_700_touch_update BEFORE UPDATE ON public.tracks FOR EACH ROW WHEN (((((((((old.status IS DISTINCT FROM new.status) OR (old.user_id IS DISTINCT FROM new.user_id)) OR (old.audio_url IS DISTINCT FROM new.audio_url)) OR (old.cover_url IS DISTINCT FROM new.cover_url)) OR (old.video_url IS DISTINCT FROM new.video_url)) OR (old.archived_to_storage IS DISTINCT FROM new.archived_to_storage)) OR (old.archive_scheduled_at IS DISTINCT FROM new.archive_scheduled_at)) AND (current_setting('archiver.touched'::text, true) IS DISTINCT FROM 'yes'::text))) EXECUTE FUNCTION archiver.touch_tracks();

CREATE TRIGGER track_archiving_900_follow_delete AFTER DELETE ON public.tracks REFERENCING OLD TABLE AS gone FOR EACH STATEMENT WHEN ((current_setting('archiver.touched'::text, true) = 'yes'::text)) EXECUTE FUNCTION archiver.follow_tracks();

CREATE TRIGGER track_archiving_900_follow_insert AFTER INSERT ON public.tracks REFERENCING NEW TABLE AS added FOR EACH STATEMENT WHEN ((current_setting('archiver.touched'::text, true) = 'yes'::text)) EXECUTE FUNCTION archiver.follow_tracks();

CREATE TRIGGER track_archiving_900_follow_update AFTER UPDATE ON public.tracks REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT WHEN ((current_setting('archiver.touched'::text, true) = 'yes'::text)) EXECUTE FUNCTION archiver.follow_tracks();

alter table archiver.track_counts enable row level security;

alter table public.notifications enable row level security;

alter table public.track_archiving_files enable row level security;

alter table public.track_archiving_jobs enable row level security;

alter table public.track_archiving_leftovers enable row level security;

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

create policy "Users can read files of own tracks" on public.track_archiving_files as permissive for select to authenticated
  using ((EXISTS ( SELECT
   FROM public.tracks t
  WHERE ((t.id = track_archiving_files.track_id) AND (t.user_id = ( SELECT auth.uid() AS uid))))));

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

create policy "Users can delete own track files" on storage.objects as permissive for delete to authenticated
  using (((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)));

create policy "Users can list own track files" on storage.objects as permissive for select to authenticated
  using (((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)));

create policy "Users can upload own track files" on storage.objects as permissive for insert to authenticated
  with check (((bucket_id = ANY (ARRAY['tracks-audio'::text, 'tracks-covers'::text, 'tracks-videos'::text])) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)));

grant execute on function archiver.archive_track(_track public.tracks, _job_id uuid) to service_role;

grant execute on function archiver.check_after_message(_expires_at timestamp with time zone) to service_role;

grant execute on function archiver.check_after_schedule(_due_at timestamp with time zone, _expires_at timestamp with time zone) to service_role;

grant execute on function archiver.clock() to service_role;

grant execute on function archiver.count_changes(_archived bigint, _waiting bigint) to service_role;

grant execute on function archiver.duration_of(_track public.tracks) to service_role;

grant execute on function archiver.fail_without_owner(_track_id uuid) to service_role;

grant execute on function archiver.files_of(_track public.tracks) to service_role;

grant execute on function archiver.forget_lost_copies(_track_ids uuid[]) to service_role;

grant execute on function archiver.has_failed(_job public.track_archiving_jobs, _track public.tracks) to service_role;

grant execute on function archiver.hmac_sha256(_message bytea, _key bytea) to service_role;

grant execute on function archiver.is_address(_url text) to service_role;

grant execute on function archiver.is_audio_stored(_track_id uuid) to service_role;

grant execute on function archiver.is_missing(_file public.track_archiving_files) to service_role;

grant execute on function archiver.is_new_source(_old text, _new text, _storage_url text) to service_role;

grant execute on function archiver.is_own_copy(_url text, _storage_url text) to service_role;

grant execute on function archiver.is_own_object(_track_id uuid, _bucket_id text, _object_name text) to service_role;

grant execute on function archiver.is_renewal(_job public.track_archiving_jobs) to service_role;

grant execute on function archiver.is_superseded(_job public.track_archiving_jobs, _track public.tracks) to service_role;

grant execute on function archiver.is_within(_what text, _most integer, _more integer) to service_role;

grant execute on function archiver.lock_claim(_job_id uuid, _fencing_token bigint) to service_role;

grant execute on function archiver.lock_latest_job(_track_id uuid) to service_role;

grant execute on function archiver.may_be_closed(_track public.tracks, _job public.track_archiving_jobs) to service_role;

grant execute on function archiver.move_jobs(_track_ids uuid[]) to service_role;

grant execute on function archiver.notify_owner(_user_id uuid, _track_id uuid, _title text, _saved boolean) to service_role;

grant execute on function archiver.object_of(_url text, OUT bucket_id text, OUT object_name text) to service_role;

grant execute on function archiver.open_jobs(_track_ids uuid[]) to service_role;

grant execute on function archiver.parse_expiry(_text text) to service_role;

grant execute on function archiver.record_copy(_track_id uuid, _kind text, _source_url text, _storage_url text, _bytes bigint, _details jsonb) to service_role;

grant execute on function archiver.record_in_place(_track public.tracks, _project_url text) to service_role;

grant execute on function archiver.recount_tracks() to service_role;

grant execute on function archiver.retry_at(_due_at timestamp with time zone, _expires_at timestamp with time zone) to service_role;

grant execute on function archiver.send_webhook(_event text, _changed jsonb, _url text, _secrets text) to service_role;

grant execute on function archiver.show_files(_track_id uuid, _job_id uuid) to service_role;

grant execute on function archiver.snapshot_sources(_track public.tracks, _due_at timestamp with time zone, _expires_at timestamp with time zone) to service_role;

grant execute on function archiver.stored_bytes(_bucket_id text, _object_name text) to service_role;

grant execute on function archiver.tell_failed(_track public.tracks, _job public.track_archiving_jobs) to service_role;

grant execute on function archiver.tell_saved(_track public.tracks) to service_role;

grant execute on function archiver.track_timing(_provider text, _created_at timestamp with time zone, _metadata jsonb) to service_role;

grant execute on function archiver.tried_until(_due_at timestamp with time zone, _expires_at timestamp with time zone) to service_role;

grant execute on function archiver.webhook_record(_track public.tracks) to service_role;

grant execute on function archiver.webhook_signatures(_content text, _secrets text) to service_role;

grant execute on function archiver.webhook_target(OUT url text, OUT secrets text) to service_role;

grant execute on function archiver.without_query(_url text) to service_role;

grant execute on function public.adopt_tracks(_limit integer, OUT looked integer, OUT opened integer, OUT lost integer) to service_role;

grant execute on function public.archive_without_optional(_track_id uuid, _error_code text) to service_role;

grant execute on function public.audit_stored_files(_limit integer, OUT looked integer, OUT lost integer) to service_role;

grant execute on function public.check_track_notifications() to service_role;

grant execute on function public.claim_track_archiving(_track_id uuid, _lease_seconds integer, _worker text, _project_url text) to service_role;

grant execute on function public.close_track_archiving(_track_id uuid, _error_code text, _error_message text) to service_role;

grant execute on function public.compact_track_counts() to service_role;

grant execute on function public.complete_track_archiving(_job_id uuid, _fencing_token bigint) to service_role;

grant execute on function public.confirm_track_schedule(_job_id uuid, _due_at timestamp with time zone, _route text) to service_role;

grant execute on function public.fail_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _may_retry boolean, _is_said boolean) to service_role;

grant execute on function public.forget_leftover(_bucket_id text, _object_name text) to service_role;

grant execute on function public.get_archiving_backlog() to service_role;

grant execute on function public.get_archiving_states(_track_ids uuid[]) to service_role;

grant execute on function public.get_removable_objects(_limit integer, _bucket_id text, _object_name text) to service_role;

grant execute on function public.get_tracks_needing_archiving(_limit integer) to service_role;

grant execute on function public.mark_track_archived(_track_id uuid, _storage_audio_url text, _storage_cover_url text, _storage_video_url text) to service_role;

grant execute on function public.open_missing_jobs(_limit integer) to service_role;

grant execute on function public.plan_track_archiving(_track_id uuid, _retry boolean) to service_role;

grant execute on function public.refresh_deadlines(_limit integer) to service_role;

grant execute on function public.release_track_archiving(_job_id uuid, _fencing_token bigint, _error_code text, _error_message text, _seconds integer) to service_role;

grant execute on function public.schedule_track_archiving() to service_role;

grant execute on function public.store_track_asset(_job_id uuid, _fencing_token bigint, _asset text, _storage_url text, _details jsonb) to service_role;

grant execute on function public.take_stalled_tracks(_limit integer, _room integer, _max_crashes integer, _window integer) to service_role;

grant usage on schema archiver to service_role;

grant usage on sequence archiver.fencing_tokens to service_role;

grant delete, insert, select on table archiver.track_counts to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.archive_statistics to service_role;

grant delete, select, update (read) on table public.notifications to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.notifications to service_role;

grant select on table public.track_archiving_files to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_files to service_role;

grant insert (status, track_id, user_id), select on table public.track_archiving_jobs to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_jobs to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_leftovers to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_policies to service_role;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.track_archiving_settings to service_role;

grant delete, insert, select, update on table public.tracks to authenticated;

grant delete, insert, maintain, references, select, trigger, truncate, update on table public.tracks to service_role;

comment on table public.track_archiving_files is 'One row a file of a track, made when the track is first claimed. A stored copy stays until one of another source is recorded.';

comment on table public.track_archiving_jobs is 'One row a series of attempts to archive a track; at most one of a track is open, is_latest marks the one that counts.';

comment on table public.track_archiving_leftovers is 'Objects that no track needs any more, and why. Those of deleted tracks are removed after the days of a setting, if it has any.';

comment on table public.track_archiving_policies is 'How long each provider keeps files, when to archive, which hosts may be fetched. `*` is everybody else.';

comment on table public.track_archiving_settings is 'One row. language: of the notifications to owners. installed_at: what expired before is nobody''s news.';

comment on column public.tracks.archive_scheduled_at is 'When archiving is due, by the policy of the provider. Null until the track is completed.';

comment on column public.tracks.archived_to_storage is 'True only when every file that the track had is in Storage. Null counts as false. The service''s alone.';

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-audio', 'tracks-audio', 't', '104857600', '{audio/mpeg,audio/mp3,audio/wav,audio/x-wav,audio/wave,audio/flac,audio/x-flac,audio/ogg,audio/opus,audio/aac,audio/mp4,audio/m4a,audio/x-m4a,audio/webm}');

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-covers', 'tracks-covers', 't', '10485760', '{image/jpeg,image/png,image/webp,image/gif,image/avif,image/apng}');

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('tracks-videos', 'tracks-videos', 't', '524288000', '{video/mp4,video/webm}');
