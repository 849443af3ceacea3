-- 20,000 tracks of twenty users, all created within the last day.
insert into auth.users (id) select gen_random_uuid() from generate_series(1, 20);
insert into public.tracks (user_id, title, prompt, status, provider, audio_url, cover_url, lyrics, created_at)
select u.id, 'Track ' || n, 'prompt', case when n % 10 = 0 then 'failed' else 'completed' end, 'suno',
  'https://cdn1.suno.ai/' || n || '.mp3', 'https://cdn2.suno.ai/' || n || '.jpg', repeat('la ', 100),
  now() - n * interval '1 minute'
from (select id, row_number() over () as place from auth.users) as u,
  generate_series(1, 1000) as n;
