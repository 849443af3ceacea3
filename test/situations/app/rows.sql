insert into auth.users (id) select ('00000000-0000-4000-8000-00000000000' || n)::uuid from generate_series(1, 3) as n;
-- Sixty songs of Suno, as they should be: two days old, half of them older than thirteen.
insert into public.tracks (id, user_id, title, prompt, status, provider, audio_url, cover_url, video_url, created_at)
select gen_random_uuid(), ('00000000-0000-4000-8000-00000000000' || 1 + n % 3)::uuid, 'Song ' || n, 'a song',
  'completed', 'suno', 'https://cdn1.suno.ai/' || n || '.mp3', 'https://cdn2.suno.ai/' || n || '.jpeg',
  case when n % 4 = 0 then 'https://cdn1.suno.ai/' || n || '.mp4' end,
  now() - case when n % 2 = 0 then interval '2 days' else interval '13 days 2 hours' end
from generate_series(1, 60) as n;
-- The app's callback has put these into its own Storage; of one the object is gone.
insert into storage.objects (bucket_id, name, metadata) values ('tracks-audio', 'user/a/main.mp3', '{"size": 1}');
insert into public.tracks (user_id, title, prompt, status, provider, audio_url, cover_url, metadata, created_at)
select '00000000-0000-4000-8000-000000000001', 'Odd one', 'a song', status, provider, audio, cover, metadata::jsonb,
  now() - age::interval
from (values
  ('completed', 'suno', 'https://abcdefgh.supabase.co/storage/v1/object/public/tracks-audio/user/a/main.mp3', null, '{}', '3 days'),
  ('completed', 'suno', 'https://abcdefgh.supabase.co/storage/v1/object/public/tracks-audio/user/b/main.mp3', null, '{}', '3 days'),
  ('complete', 'suno', 'https://cdn1.suno.ai/x1.mp3', null, '{}', '1 day'),
  ('SUCCESS', 'suno', 'https://cdn1.suno.ai/x2.mp3', null, '{}', '1 day'),
  ('published', 'suno', 'https://cdn1.suno.ai/x3.mp3', null, '{}', '1 day'),
  ('failed', 'suno', null, null, '{}', '1 day'),
  ('completed', 'meta/musicgen', 'https://replicate.delivery/x4.wav', null, '{}', '10 minutes'),
  ('completed', null, 'https://pb.replicate.delivery/x5.wav', null, '{}', '10 minutes'),
  ('completed', 'suno', 'https://cdn9.new-host.example/x6.mp3', null, '{}', '1 day'),
  ('completed', 'suno', 'https://cdn1.suno.ai/x7.mp3', '/images/default.svg', '{}', '1 day'),
  ('completed', 'suno', 'undefined', null, '{}', '1 day'),
  ('completed', E'\x1b[2J✓ all is well', 'https://cdn1.suno.ai/x8.mp3', null, '{}', '1 day'),
  ('completed', 'suno', 'https://songs.s3.example/x9.mp3?X-Amz-Date=20261101T000000Z&X-Amz-Expires=3600', null, '{}', '1 day'),
  ('completed', 'suno', 'https://cdn1.suno.ai/x10.mp3', null, '{"expires_at": "Mon, 30 Nov 2026 12:00:00 GMT"}', '1 day'),
  ('completed', 'suno', 'https://cdn1.suno.ai/x11.mp3', null, '{"expires_at": "2026-11-30T12:00:00Z"}', '1 day'),
  ('completed', 'suno', 'https://cdn1.suno.ai/x12.mp3', null, '{}', '400 days')
) as odd (status, provider, audio, cover, metadata, age);
insert into public.tracks (user_id, title, prompt, status, provider, audio_url)
values (null, 'Nobody’s', 'a song', 'completed', 'suno', 'https://cdn1.suno.ai/nobody.mp3');

-- The second variant of each song, four stems of every third, WAVs of every sixth.
insert into public.track_versions (parent_track_id, audio_url, cover_url, metadata)
select id, replace(audio_url, '.mp3', '-b.mp3'), replace(cover_url, '.jpeg', '-b.jpeg'), '{}'
from public.tracks where title like 'Song %';
insert into public.track_stems (track_id, version_id, stem_type, audio_url)
select v.parent_track_id, v.id, stem, 'https://cdn1.suno.ai/stem-' || stem || '-' || v.id || '.mp3'
from (select *, row_number() over (order by id) as place from public.track_versions) as v,
  unnest(array['vocals', 'drums', 'bass', 'other']) as stem
where place % 3 = 0;
insert into public.wav_jobs (track_id, status, wav_url)
select id, 'completed', 'https://wav.elsewhere.example/' || id || '.wav' from public.tracks where title like 'Song _0';
insert into public.music_videos (track_id, video_url)
select id, 'https://tempfile.aiquickdraw.com/' || id || '.mp4' from public.tracks where title like 'Song 1_';
insert into public.midi_jobs (track_id, result)
select id, json_build_object('files', json_build_array('https://cdn.mureka.ai/' || id || '.mid'))
from public.tracks where title like 'Song 2_';
insert into public.callback_logs (payload)
select jsonb_build_object('data', jsonb_build_object('audio_url', audio_url)) from public.tracks where title like 'Song 3_';
insert into public.playlists (title, cover_urls) values
  ('Mine', array['https://cdn2.suno.ai/1.jpeg', 'https://cdn2.suno.ai/2.jpeg']), ('Empty', '{}');
insert into public.profiles (user_id, avatar_url, bio) values
  (gen_random_uuid(), 'https://avatars.example/1.png', 'See https://my-page.example/about');
insert into public.reference_audio (file_url) values
  ('https://abcdefgh.supabase.co/storage/v1/object/public/reference-audio/user/voice.mp3');
analyze;
