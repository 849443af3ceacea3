import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  claim,
  jobOf,
  moveClock,
  newTrack,
  newUser,
  putObject,
  service,
  storageUrl,
  trackOf,
  worker,
} from '../migrations/app.ts';
import { takeStalled } from '../migrations/stalled.ts';
import { testDatabase } from '../support/database.ts';
import { addressOf, archive, archivedTrack, objects } from './archived.ts';

const rubbish = [
  'https://cdn1.suno.ai/api/undefined',
  'https://files.example/None.mp3',
  'https://files.example/null',
  'undefined',
  'null',
  '/audio/song.mp3',
  'song.mp3',
  'http://cdn1.suno.ai/song2.mp3',
  'data:audio/mpeg;base64,AAAA',
  'blob:https://app.example/1',
  'https://',
  'https://localhost/a.mp3',
  '',
  '   ',
  null,
  'https://cdn1.suno.ai/song.mp3?Expires=2&Signature=new',
  'https://cdn1.suno.ai/song.mp3#t=1',
  ' https://cdn1.suno.ai/song.mp3 ',
];

test('situation 20: a rubbish address or a new signature never clears a copy', async (t) => {
  const db = await testDatabase(t);
  for (const address of rubbish) {
    const { user, track } = await archivedTrack(db);
    const was = await trackOf(db, track);
    await db.asUser(user, (query) =>
      query(
        `update tracks set audio_url = $1,
           cover_url = replace($1, 'cdn1.suno.ai/song.mp3', 'cdn2.suno.ai/cover.jpg'),
           video_url = replace($1, 'song.mp3', 'video.mp4') where id = $2`,
        [address, track],
      ),
    );
    const sources = { audio_url: null, cover_url: null, video_url: null };
    const is = await trackOf(db, track);
    assert.deepEqual({ ...is, ...sources }, { ...was, ...sources }, String(address));
    assert.equal((await jobOf(db, track)).status, 'completed', String(address));
    assert.equal((await claim(db, track)).outcome, 'already_archived', String(address));
  }
  assert.deepEqual(await objects(db), []);
});

test('situation 20: an address that answers no file keeps the copy, its columns and its object', async (t) => {
  const db = await testDatabase(t);
  const { track } = await archivedTrack(db);
  const was = await trackOf(db, track);
  await db.query(
    "update tracks set audio_url = 'https://suno.example/api/forbidden' where id = $1",
    [track],
  );
  const kept = async () => {
    const { archived_to_storage, storage_audio_url } = await trackOf(db, track);
    assert.deepEqual([archived_to_storage, storage_audio_url], [true, was.storage_audio_url]);
  };
  await kept();
  await worker(db, await claim(db, track)).fail('host_not_allowed', 'suno.example');
  await kept();
  assert.deepEqual(
    await db.query('select from notifications'),
    [],
    'it is safe: nobody is told that it is lost',
  );
  assert.deepEqual(await objects(db), []);
});

test('situation 21: an address that changes and changes back leaves the track archived', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  const was = await trackOf(db, track);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/other.mp3' where id = $1", [
    track,
  ]);
  await db.query('update tracks set audio_url = $2 where id = $1', [track, was.audio_url]);
  const is = await trackOf(db, track);
  assert.equal(is.archived_to_storage, true);
  assert.equal(is.storage_audio_url, was.storage_audio_url);
  const claimed = await claim(db, track);
  assert.equal(claimed.storage_audio_url, was.storage_audio_url, 'nothing is to be copied again');
  assert.equal(await worker(db, claimed).complete(), 'completed');
  assert.equal(await archive(db, user, track), 'already_archived');
  assert.deepEqual(await objects(db), []);
});

test('situation 22: until a new copy is recorded the former one is shown, and stays what it was', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  const was = await trackOf(db, track);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/new.mp3' where id = $1", [
    track,
  ]);
  const { record, fail } = worker(db, await claim(db, track));
  await assert.rejects(
    record('audio', addressOf(user, track, 'audio'), { bytes: 999, sha256: 'cd' }),
    /Storage has 3 bytes of the audio, not 999/,
  );
  await fail('truncated', 'Half of it');
  const is = await trackOf(db, track);
  assert.deepEqual([is.archived_to_storage, is.storage_audio_url], [true, was.storage_audio_url]);
});

for (const [what, address] of [
  ['uploaded by hand', 'https://files.example/by-hand.mp3'],
  [
    'served through a domain of the app',
    'https://media.app.example/storage/v1/object/public/tracks-audio/u/by-hand.mp3',
  ],
  ['in the Storage of the project', storageUrl('audio', 'by-hand.mp3')],
] as const)
  test(`situation 23: a file ${what} stays, whatever is refreshed`, async (t) => {
    const db = await testDatabase(t);
    const user = await newUser(db);
    const track = await newTrack(db, user);
    await putObject(db, address);
    assert.equal(
      (await service(db)('select mark_track_archived($1, $2) as it', [track, address]))[0].it,
      true,
    );
    await db.query('update tracks set audio_url = storage_audio_url where id = $1', [track]);
    await db.query(
      "update track_archiving_policies set retention = '14 days', archive_after = '1 day'",
    );
    await service(db)('select refresh_deadlines(100)');
    await moveClock(db, '20 days');
    await service(db)('select * from audit_stored_files(100)');
    await service(db)('select open_missing_jobs(100)');
    assert.deepEqual(await takeStalled(db), []);
    const is = await trackOf(db, track);
    assert.deepEqual([is.archived_to_storage, is.storage_audio_url], [true, address]);
  });

test('situation 25: an mp3 that a wav replaces is removed, and only when the wav is recorded', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await archivedTrack(db);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/song.wav' where id = $1", [
    track,
  ]);
  const claimed = await claim(db, track);
  assert.deepEqual(await objects(db), []);
  const { store, complete } = worker(db, claimed);
  await store('audio', addressOf(user, track, 'audio', 'wav'), { bytes: 5, sha256: 'cd' });
  const mp3 = { bucket_id: 'tracks-audio', object_name: `${user}/${track}.mp3` };
  assert.deepEqual(await objects(db), [mp3]);
  assert.equal(
    (await trackOf(db, track)).storage_audio_url,
    addressOf(user, track, 'audio', 'wav'),
  );
  assert.equal(await complete(), 'completed');
  assert.deepEqual(await objects(db), [mp3]);
});

test('situation 26: a track that came back before its files were removed keeps them', async (t) => {
  const db = await testDatabase(t);
  await db.query('update track_archiving_settings set remove_deleted_after_days = 7');
  const { user, track } = await archivedTrack(db);
  await db.query('delete from tracks where id = $1', [track]);
  assert.deepEqual(await objects(db), [], 'not before the days of the setting');
  await moveClock(db, '8 days');
  assert.equal((await objects(db)).length, 3);
  await newTrack(db, user, { id: track });
  assert.deepEqual(await objects(db), [], 'asked again right before the removal');
});

test('situation 26: what is copied for a former owner is copied again for the present one', async (t) => {
  const db = await testDatabase(t);
  const [first, second] = [await newUser(db), await newUser(db)];
  const track = await newTrack(db, first);
  const { store, complete } = worker(db, await claim(db, track));
  await store('audio', addressOf(first, track, 'audio'));
  await db.query('update tracks set user_id = $2 where id = $1', [track, second]);
  await store('cover', addressOf(first, track, 'cover'));
  await store('video', addressOf(first, track, 'video'));
  assert.equal(await complete(), 'superseded');
  const again = await claim(db, track);
  assert.equal(again.user_id, second);
  assert.equal(again.storage_audio_url, null);
  await worker(db, again).release();
  assert.equal(await archive(db, second, track), 'completed');
  assert.equal((await trackOf(db, track)).storage_audio_url, addressOf(second, track, 'audio'));
  const left = (await objects(db)).map((row) => row.object_name).sort();
  assert.deepEqual(
    left,
    ['jpg', 'mp3', 'mp4'].map((each) => `${first}/${track}.${each}`),
  );
});

test('situation 24: a song whose cover and video are refused for good is archived, and says why', async (t) => {
  const db = await testDatabase(t);
  for (const [address, code] of [
    ['null', 'invalid_source'],
    ['/images/default.svg', 'invalid_source'],
    ['data:image/png;base64,AAAA', 'invalid_source'],
    ['https://elsewhere.example/cover.jpg', 'host_not_allowed'],
    ['https://cdn1.suno.ai/cover.svg', 'not_media'],
  ]) {
    const user = await newUser(db);
    const track = await newTrack(db, user, { cover_url: address, video_url: null });
    const { store, record, complete } = worker(db, await claim(db, track));
    await store('audio', addressOf(user, track, 'audio'));
    await record('cover', null, { code });
    assert.equal(await complete(), 'completed');
    const is = await trackOf(db, track);
    assert.deepEqual([is.archived_to_storage, is.storage_cover_url], [true, null], address);
    const [file] = await db.query(
      "select error_code, source_url from track_archiving_files where track_id = $1 and kind = 'cover'",
      [track],
    );
    assert.deepEqual(file, { error_code: code, source_url: address });
  }
});

test('situation 57: what its owner deletes or replaces is noticed, and copied again while a provider has it', async (t) => {
  const db = await testDatabase(t);
  const [deleted, replaced, kept] = [
    await archivedTrack(db),
    await archivedTrack(db),
    await archivedTrack(db),
  ];
  const name = ({ user, track }: typeof kept) => `${user}/${track}.mp3`;
  // As the Storage server does it for its owner's request.
  await db.query(
    `do $$ begin
      perform set_config('storage.allow_delete_query', 'true', true);
      delete from storage.objects where bucket_id = 'tracks-audio' and name = '${name(deleted)}';
    end $$`,
  );
  await putObject(db, addressOf(replaced.user, replaced.track, 'audio'), 7);
  const [audited] = await service(db)('select * from audit_stored_files(100)');
  assert.deepEqual(audited, { looked: 3, lost: 2 });
  for (const { user, track } of [deleted, replaced]) {
    const is = await trackOf(db, track);
    assert.deepEqual([is.archived_to_storage, is.storage_audio_url], [false, null]);
    assert.notEqual(is.storage_cover_url, null, 'what is there stays');
    assert.equal((await jobOf(db, track)).status, 'pending');
    assert.equal(await archive(db, user, track), 'completed');
  }
  assert.equal((await trackOf(db, kept.track)).archived_to_storage, true);
  const [statistics] = await db.query('select total_archived, files_lost from archive_statistics');
  assert.deepEqual(statistics, { total_archived: '3', files_lost: '2' });
  assert.deepEqual((await service(db)('select * from audit_stored_files(100)'))[0], {
    looked: 3,
    lost: 0,
  });
});
