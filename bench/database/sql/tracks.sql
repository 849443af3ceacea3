-- Rows $1 to $2 of the table, in the order in which the app made them: three years, of which the archiver is to look
-- installed for one. Nine tenths are archived; what the legacy system missed expired in the first two years. Of the last
-- fifteen days 3 in 100 of all tracks wait, 2 in 1,000 are due, and 1 in 10,000 is to fail. Every tenth has no date.
with numbers as (
  select n, least(n / (total * 0.9679), 1) as part, total,
    n - (total * 0.9679)::bigint as recent, (total * 0.0021)::bigint as due
  from (select n, current_setting('bench.tracks')::bigint as total from generate_series($1::bigint, $2::bigint) as n) as given
), dated as (
  select n, md5('track ' || n)::uuid as id, md5('user ' || 1 + n * 7919 % (total / 100 + 1))::uuid as user_id,
    case
      when recent > due then now() - (1 - (recent - due) / (total * 0.03)) * interval '12 days 23 hours'
      when recent > 0 then now() - interval '14 days 18 hours' + recent / due::numeric * interval '42 hours'
      else now() - interval '16 days' - (1 - part) * interval '1080 days'
    end as created_at,
    case
      when recent > 0 then 'waiting'
      when part < 0.66 and n % 1000 < 92 then 'expired'
      when part < 0.66 and n % 1000 < 100 or n % 1000 < 8 then 'unfinished'
      else 'archived'
    end as kind
  from numbers
), made as (
insert into public.tracks (id, user_id, title, prompt, status, provider, audio_url, cover_url, video_url, streaming_url,
  lyrics, description, genre, mood, language, style_tags, negative_tags, model_name, provider_task_id, generation_mode,
  duration_seconds, bpm, key_signature, is_public, artist_name, artist_avatar_url, metadata, created_at, updated_at,
  archived_to_storage, storage_audio_url, storage_cover_url, archive_scheduled_at, archived_at)
select d.id, d.user_id, 'Track number ' || d.n, left(texts.long, 180),
  case d.kind when 'unfinished' then 'failed' else 'completed' end, case when d.n % 5 = 0 then 'mureka' else 'suno' end,
  'https://cdn1.suno.ai/' || d.id || '.mp3', 'https://cdn2.suno.ai/image_' || d.id || '.jpeg', null,
  'https://audiopipe.suno.ai/?item_id=' || d.id,
  texts.long, left(texts.long, 90), 'genre', 'mood', 'ru', array['pop', 'synth', 'female voice'], 'noise', 'V4_5',
  md5('task ' || d.n), 'custom', 180, 120, 'C', d.n % 4 = 0, 'Somebody', 'https://example.com/avatars/' || d.user_id || '.png',
  jsonb_build_object('task_id', md5('task ' || d.n), 'model', 'chirp-v4-5', 'duration', 181.4, 'tags', 'pop, synth'),
  d.created_at, d.created_at, d.kind = 'archived',
  case d.kind when 'archived' then 'https://project.example.com/storage/v1/object/public/tracks-audio/' || d.user_id || '/' || d.id || '.mp3' end,
  case when d.kind = 'archived' and d.n % 10 = 0
    then 'https://project.example.com/storage/v1/object/public/tracks-covers/' || d.user_id || '/' || d.id || '.jpg' end,
  case when d.kind <> 'unfinished' and (d.kind = 'archived' or d.n % 10 > 0) then d.created_at + interval '13 days' end,
  case d.kind when 'archived' then d.created_at + interval '13 days' end
from dated as d
cross join lateral (select repeat(md5(d.n::text), 22) as long) as texts
returning id, user_id, storage_audio_url, storage_cover_url, archived_at
)
-- Storage's catalogue: what the legacy system stored.
insert into storage.objects (bucket_id, name, owner_id, version, metadata, created_at, updated_at, last_accessed_at)
select file.bucket_id, t.user_id || '/' || t.id || '.' || file.ending, t.user_id::text, md5(t.id::text), jsonb_build_object(
  'eTag', '"' || md5(t.id::text) || '"', 'size', 4000000 + get_byte(uuid_send(t.id), 0), 'mimetype', file.type,
  'cacheControl', 'max-age=3600', 'contentLength', 4000000, 'httpStatusCode', 200, 'lastModified', t.archived_at),
  t.archived_at, t.archived_at, t.archived_at
from made as t
join (values ('tracks-audio', 'mp3', 'audio/mpeg'), ('tracks-covers', 'jpg', 'image/jpeg')) as file (bucket_id, ending, type)
  on case file.ending when 'mp3' then t.storage_audio_url else t.storage_cover_url end is not null
