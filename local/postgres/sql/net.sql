-- pg_net's public face (supabase/pg_net 0.20, sql/pg_net.sql), served by net-worker.ts instead of a
-- background worker: the same tables, signatures, errors and open grants. A notification is
-- delivered at commit and dropped by a rollback, exactly when the real worker wakes up.
create schema net;
grant usage on schema net to public;

create domain net.http_method as text check (value ilike 'get' or value ilike 'post' or value ilike 'delete');

create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds int not null
);

create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out bool,
  error_msg text,
  created timestamptz not null default now()
);
create index on net._http_response (created);

grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;

create function net.wake() returns void language sql as $$
  select pg_catalog.pg_notify('pg_net', '')
$$;

create function net._urlencode_string(string varchar) returns text language sql immutable as $$
  select coalesce(pg_catalog.string_agg(
    case when pg_catalog.chr(byte) ~ '[A-Za-z0-9._~-]' and byte < 128 then pg_catalog.chr(byte)
      else '%' || pg_catalog.upper(pg_catalog.lpad(pg_catalog.to_hex(byte), 2, '0')) end, '' order by position), '')
  from pg_catalog.generate_series(0, pg_catalog.octet_length(string) - 1) as position,
    lateral (select pg_catalog.get_byte(pg_catalog.convert_to(string, 'UTF8'), position) as byte) as bytes
$$;

create function net._with_params(url text, params jsonb) returns text language sql immutable as $$
  select url || coalesce(
    (case when pg_catalog.strpos(url, '?') > 0 then '&' else '?' end)
      || pg_catalog.string_agg(net._urlencode_string(key) || '=' || net._urlencode_string(value), '&'), '')
  from pg_catalog.jsonb_each_text(params)
$$;

create function net.http_get(
  url text,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{}'::jsonb,
  timeout_milliseconds int default 5000
) returns bigint language plpgsql as $$
declare
  request_id bigint;
begin
  insert into net.http_request_queue (method, url, headers, timeout_milliseconds)
  values ('GET', net._with_params(url, params), headers, timeout_milliseconds)
  returning id into request_id;
  perform net.wake();
  return request_id;
end
$$;

create function net.http_post(
  url text,
  body jsonb default '{}'::jsonb,
  params jsonb default '{}'::jsonb,
  headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
  timeout_milliseconds int default 5000
) returns bigint language plpgsql as $$
declare
  request_id bigint;
  content_type text;
begin
  select given.value into content_type
  from jsonb_each_text(coalesce(headers, '{}'::jsonb)) as given
  where lower(given.key) = 'content-type'
  limit 1;
  if content_type is null then
    headers := headers || '{"Content-Type": "application/json"}'::jsonb;
  elsif content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values ('POST', net._with_params(url, params), headers, convert_to(body::text, 'UTF8'), timeout_milliseconds)
  returning id into request_id;
  perform net.wake();
  return request_id;
end
$$;
