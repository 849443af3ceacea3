-- As if the archiver had been there for a year: what was archived in it has its jobs and files, what waits its schedule.
set local session_replication_role = replica;
set local statement_timeout = 0;

insert into public.track_archiving_jobs (track_id, user_id, status, original_audio_url, original_cover_url, storage_audio_url,
  storage_cover_url, started_at, completed_at, metadata, created_at, updated_at, attempt, fencing_token, scheduled_for,
  queued_at, due_at, expires_at)
select t.id, t.user_id, 'completed', t.audio_url, t.cover_url, t.storage_audio_url, t.storage_cover_url, t.archived_at,
  t.archived_at, jsonb_build_object('assets', jsonb_build_object('audio', jsonb_build_object('bytes', 4000000,
    'sha256', repeat('0', 64), 'content_type', 'audio/mpeg', 'source_host', 'cdn1.suno.ai', 'stored_at', t.archived_at))),
  t.created_at, t.archived_at, 1, nextval('archiver.fencing_tokens'), t.archive_scheduled_at, t.archive_scheduled_at,
  t.archive_scheduled_at, t.created_at + interval '15 days'
from public.tracks as t
where t.archived_to_storage and t.created_at > now() - interval '1 year';

insert into public.track_archiving_files (track_id, kind, source_url, due_at, expires_at, copied_from, storage_url, bucket_id,
  object_name, bytes, sha256, content_type, source_host, stored_at)
select t.id, file.kind, file.source_url, t.archive_scheduled_at, t.created_at + interval '15 days', file.source_url,
  file.storage_url, file.bucket_id, t.user_id || '/' || t.id || file.ending, 4000000 + get_byte(uuid_send(t.id), 0),
  repeat('0', 64), file.content_type, file.host, t.archived_at
from public.tracks as t
cross join lateral (values
  ('audio', t.audio_url, t.storage_audio_url, 'tracks-audio', '.mp3', 'audio/mpeg', 'cdn1.suno.ai'),
  ('cover', t.cover_url, t.storage_cover_url, 'tracks-covers', '.jpg', 'image/jpeg', 'cdn2.suno.ai')
) as file (kind, source_url, storage_url, bucket_id, ending, content_type, host)
where t.archived_to_storage and t.created_at > now() - interval '1 year' and file.storage_url is not null;

-- What is due: the first of all failed, a tenth has stalled, the rest is on the queue.
with due as (
  select j.id, row_number() over (order by j.due_at) as place, current_setting('bench.tracks')::bigint / 10000 as failed
  from public.track_archiving_jobs as j where j.status = 'pending' and j.due_at <= now()
)
update public.track_archiving_jobs as j
set status = case when d.place <= d.failed then 'failed' else 'pending' end,
  error_code = case when d.place <= d.failed then 'provider_gone' end,
  told_at = case when d.place <= d.failed then now() - interval '1 hour' end,
  attempt = 1, started_at = case when d.place <= d.failed then now() - interval '1 hour' end,
  original_audio_url = t.audio_url, original_cover_url = t.cover_url,
  scheduled_for = j.due_at, queued_at = case when d.place % 10 = 0 then now() - interval '2 hours' else now() - interval '20 minutes' end,
  next_check_at = case when d.place <= d.failed then null
    when d.place % 10 = 0 then now() - interval '5 minutes' - place * interval '10 milliseconds' else now() + interval '70 minutes' end
from due as d, public.tracks as t
where d.id = j.id and t.id = j.track_id;

update public.track_archiving_jobs as j
set scheduled_for = j.due_at, next_check_at = j.due_at + interval '30 minutes'
where j.status = 'pending' and j.due_at > now();

insert into public.track_archiving_leftovers (bucket_id, object_name, reason, since)
select 'tracks-audio', md5('user ' || n)::uuid || '/' || md5(kind.reason || n)::uuid || '.mp3', kind.reason,
  now() - n * interval '1 minute'
from (values ('deleted', 1000), ('replaced', 10000)) as kind (reason, share)
cross join lateral generate_series(1, current_setting('bench.tracks')::integer / kind.share) as n;

update public.track_archiving_settings set installed_at = now() - interval '1 year', remove_deleted_after_days = 30;
