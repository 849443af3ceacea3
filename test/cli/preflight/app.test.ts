import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Level } from '../../../cli/preflight/check.ts';
import { applyMigrations } from '../../../local/postgres/database.ts';
import { appDatabase, found, preflightOf, runPreflight } from './world.ts';

const traps: [check: string, level: Level, says: RegExp[]][] = [
  ['columns that are needed', 'ok', [/user_id uuid, /, /status text not null/]],
  ['status of finished', 'warning', [/“SUCCESS”.*would not/, /“completed”: 73/, /“published”: 1/]],
  ['has an owner', 'warning', [/1 track without user_id/]],
  [
    'provider has a policy',
    'warning',
    [/“meta\/musicgen”: 1; .*“replicate”, which deletes after 1 h/, /null: 1; .*“replicate”/],
  ],
  ['can be fetched', 'warning', [/cover such as “\/images\/default.svg”: 1/, /“undefined”: 1/]],
  ['expires by itself', 'warning', [/“suno” at “songs.s3.example”: 1/]],
  ['expires_at is understood', 'warning', [/“Mon, 30 Nov 2026 12:00:00 GMT”: 1$/]],
  ['own Storage', 'warning', [/^2 addresses/, /user\/b\/main/]],
  [
    'nowhere else',
    'warning',
    [
      /track_versions\.audio_url: 60 with addresses at hosts of providers/,
      /track_versions\.cover_url: 60 /,
      /track_stems\.audio_url: 80 /,
      /wav_jobs\.wav_url: 6 with media files at hosts that no track/,
      /music_videos\.video_url: 10 .*“tempfile\.aiquickdraw\.com”/,
      /midi_jobs\.result: 10 .*“cdn\.mureka\.ai”/,
      /callback_logs\.payload: 10 /,
      /playlists\.cover_urls: 1 /,
    ],
  ],
  ['own files in Storage', 'warning', [/upload songs/, /change covers/, /remove files/]],
  ['no trigger', 'warning', [/zz_normalize_track changes a track after the archiver/]],
  ['no job', 'warning', [/clean_up_old_files\(\) deletes files/]],
  [
    'can still be saved',
    'ok',
    [/^75 wait to be archived, 30 of them are due; 0 .*, 1 have expired/],
  ],
  ['policies allow', 'warning', [/“suno” audio at “cdn9\.new-host\.example”: 1/]],
  ['keep their settings', 'warning', [/limit of tracks-covers becomes 10 MB, it was 50 MB/]],
  ['can be notified', 'warning', [/refuses the type warning and success/]],
  ['what to expect', 'ok', [/^about 0\.8 GB .* hours .* \$\d+ the first month/]],
];

test('preflight names each trap of an app as the one that is replaced, and nothing else', async (t) => {
  const db = await appDatabase(t);
  const report = await preflightOf(db.url);
  for (const [name, level, says] of traps) {
    const check = found(report, name);
    assert.equal(check.level, level, `${name}: ${check.text}`);
    for (const what of says) assert.match(check.text, what);
    assert.equal(check.fix === '', level === 'ok', name);
  }
  assert.equal(report.checks.length, traps.length);
  const elsewhere = found(report, 'nowhere else').text;
  assert.doesNotMatch(
    elsewhere,
    /profiles|reference_audio|notifications|public\.tracks\.|storage\./,
  );
  assert.doesNotMatch(found(report, 'own files in Storage').text, /avatars/);
  assert.doesNotMatch(found(report, 'policies allow').text, /replicate/);
  assert.deepEqual([report.ok, report.isInstalled, report.share], [true, false, 1]);
  assert.equal(report.tracks, 77);
});

test('after the installation it reads the policies and types that the operator set', async (t) => {
  const db = await appDatabase(t);
  await applyMigrations(db.url);
  await db.query(`update track_archiving_policies set allowed_hosts = allowed_hosts || '{cdn9.new-host.example,songs.s3.example}'
      where provider = 'suno';
    update track_archiving_settings set failed_type = 'error', saved_type = 'track';
    insert into track_archiving_policies (provider, retention, archive_after) values ('meta/musicgen', '1 hour', '0')`);
  const report = await preflightOf(db.url);
  assert.equal(report.isInstalled, true);
  assert.equal(found(report, 'policies allow').text.includes('new-host'), false);
  assert.deepEqual(found(report, 'can be notified'), {
    level: 'ok',
    fix: '',
    text: 'public.notifications takes the types error and track',
  });
  assert.doesNotMatch(found(report, 'provider has a policy').text, /musicgen/);
  assert.match(found(report, 'nowhere else').text, /track_versions/);
  assert.doesNotMatch(found(report, 'nowhere else').text, /track_archiving_/);
});

test('what rows hold is printed as plain text, progress on the other stream', async (t) => {
  const db = await appDatabase(t);
  const { code, output, errors } = await runPreflight(db.url);
  assert.equal(code, 0, errors);
  assert.match(output, /^! every provider has a policy: 3 /m);
  assert.match(output, /^ {4}fix: after connecting: insert into/m);
  assert.match(output, /“\[2j✓ all is well”/i);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
  assert.doesNotMatch(output, /\x1b/);
  assert.match(errors, /^looking for addresses in public\.track_stems$/m);
});
