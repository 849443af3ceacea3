import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { test } from 'vitest';
import { applyMigrations } from '../../local/postgres/database.ts';
import { archiveLambda, deadLetters, deliver, deliverTrack } from '../lambdas/archive/deliver.ts';
import { sweeper } from '../lambdas/sweep/sweeping.ts';
import {
  files,
  insertTrack,
  insertWholeTrack,
  readJob,
  readTrack,
  serve,
} from '../lambdas/tracks.ts';
import { startWorld } from '../lambdas/world.ts';
import {
  claim,
  jobOf,
  moveClock,
  newTrack,
  newUser,
  plan,
  putObject,
  service,
  storageUrl,
  trackOf,
} from '../migrations/app.ts';
import { configureWebhook, sentWebhooks } from '../migrations/sent-webhooks.ts';
import { takeStalled } from '../migrations/stalled.ts';
import { startingDatabase } from '../migrations/starting-databases.ts';
import { testDatabase } from '../support/database.ts';

const projectUrl = 'https://project.supabase.co';
const claimHere = async (db: Awaited<ReturnType<typeof testDatabase>>, track: string) =>
  (
    await service(db)("select * from claim_track_archiving($1, 930, 'w', $2)", [track, projectUrl])
  )[0];

test('situation 30: a source that lies in the Storage of this project is recorded in place, if it is there', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const at = (name: string, kind = 'public') =>
    `${projectUrl}/storage/v1/object/${kind}/tracks-audio/${user}/${name}`;
  await putObject(db, at('own.mp3'), 7);
  for (const [source, is] of [
    [at('own.mp3'), at('own.mp3')],
    [`${at('own.mp3', 'sign')}?token=abc`, at('own.mp3')],
    [
      `https://media.app.example/storage/v1/object/public/tracks-audio/${user}/own.mp3`,
      at('own.mp3'),
    ],
    [at('missing.mp3'), null],
    [storageUrl('audio', 'own.mp3'), null],
  ] as const) {
    const track = await newTrack(db, user, { audio_url: source });
    assert.equal((await claimHere(db, track)).storage_audio_url, is, source);
  }
});

test('situation 30: through the Lambda, nothing is fetched, the track is archived and nobody is told that it is lost', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const userId = randomUUID();
  const url = `${world.supabase.url}/storage/v1/object/public/tracks-audio/${userId}/callback.mp3`;
  await putObject(world.database, url, 12_345);
  const { id } = await insertTrack(world, { user_id: userId, audio_url: url });
  await deliverTrack(world, archive, id);
  const track = await readTrack(world, id);
  assert.deepEqual([track.archived_to_storage, track.storage_audio_url], [true, url]);
  assert.deepEqual([world.provider.requests, deadLetters(world)], [[], []]);
});

test('situation 31: what the legacy system marked without an object is opened again, or reported as lost', async (t) => {
  const db = await startingDatabase(t, 'an app with the legacy system');
  const user = await newUser(db);
  const marked = (days: number, name: string) =>
    newTrack(db, user, {
      archived_to_storage: true,
      storage_audio_url: storageUrl('audio', name),
      created_at: new Date(Date.now() - days * 86_400_000),
    });
  await db.query(
    "insert into storage.buckets (id, name, public) values ('tracks-audio', 'tracks-audio', true)",
  );
  await putObject(db, storageUrl('audio', 'there.mp3'));
  const young = await marked(3, 'missing.mp3');
  const old = await marked(90, 'missing.mp3');
  const there = await marked(90, 'there.mp3');
  await applyMigrations(db.url);
  const states = [];
  for (const track of [young, old, there]) {
    const { archived_to_storage } = await trackOf(db, track);
    const [file] = await db.query(
      'select error_code from track_archiving_files where track_id = $1',
      [track],
    );
    states.push([archived_to_storage, (await jobOf(db, track))?.status, file?.error_code]);
  }
  assert.deepEqual(states, [
    [false, 'pending', undefined],
    [true, undefined, 'storage_lost'],
    [true, undefined, undefined],
  ]);
  assert.equal((await db.query('select files_lost from archive_statistics'))[0].files_lost, '1');
});

test('situation 33: a track without an owner fails with a code of its own, stops no sweep, and goes on when it has one', async (t) => {
  const db = await testDatabase(t);
  await db.query('alter table tracks alter user_id drop not null');
  const user = await newUser(db);
  const due = { created_at: new Date(Date.now() - 13.2 * 86_400_000) };
  const nobodys = await newTrack(db, user, { ...due, user_id: null });
  const other = await newTrack(db, user, due);
  await moveClock(db, '6 minutes');
  assert.deepEqual((await takeStalled(db)).map(([track]) => track).sort(), [nobodys, other].sort());
  assert.deepEqual(
    [(await plan(db, nobodys)).action, (await plan(db, nobodys)).reason],
    ['ignore', 'owner_missing'],
  );
  assert.equal((await jobOf(db, nobodys)).error_code, 'owner_missing');
  assert.equal((await claim(db, nobodys)).outcome, 'owner_missing');
  await moveClock(db, '2 hours');
  assert.deepEqual(
    (await takeStalled(db)).map(([track]) => track),
    [other],
    'it comes back to no sweep',
  );
  await db.query('update tracks set user_id = $2 where id = $1', [nobodys, user]);
  assert.equal((await claim(db, nobodys)).outcome, 'claimed');
});

test('situation 42: a request by supabase-js with select().single() answers the row', async (t) => {
  const { database, gateway } = await startWorld(t);
  const user = await newUser(database);
  const track = await newTrack(database, user);
  await plan(database, track);
  const client = createClient(gateway.url, gateway.keys.publishable, {
    accessToken: async () => gateway.userToken(user),
  });
  const { data, error } = await client
    .from('track_archiving_jobs')
    .insert({ track_id: track, user_id: user, status: 'pending' })
    .select()
    .single();
  assert.equal(error, null);
  assert.deepEqual([data.track_id, data.status, data.requested], [track, 'pending', true]);
  assert.ok((await trackOf(database, track)).archive_scheduled_at <= new Date());
});

test('situation 43: a statement about thousands of tracks sends a bounded number of webhooks, the sweep has the rest', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  await configureWebhook(db);
  await db.query(
    `insert into tracks (user_id, title, status, provider, audio_url)
     select $1, 'Song', 'completed', 'suno', 'https://cdn1.suno.ai/' || n || '.mp3' from generate_series(1, 2000) n`,
    [user],
  );
  assert.equal((await sentWebhooks(db)).length, 500);
  await moveClock(db, '14 days');
  await service(db)('select open_missing_jobs(5000)');
  const [{ count }] = await db.query(
    "select count(*)::int from track_archiving_jobs where status = 'pending'",
  );
  assert.equal(count, 2000, 'the sweep finds them all before their deadline');
  await db.query('delete from tracks');
  assert.equal((await sentWebhooks(db)).length, 500);
});

test('situation 43: what a statement that deletes a hundred thousand tracks leaves is listed page by page, in time', async (t) => {
  const db = await testDatabase(t);
  await db.query('update track_archiving_settings set remove_deleted_after_days = 0');
  for (const reason of ['replaced', 'deleted']) {
    await db.query(
      `insert into track_archiving_leftovers (bucket_id, object_name, reason)
       select 'tracks-audio', gen_random_uuid() || '/' || gen_random_uuid() || '.mp3', $1 from generate_series(1, 100000)`,
      [reason],
    );
    await db.query('analyze');
    const listed = await db.as('service_role', {}, async (query) => {
      await query("set local statement_timeout = '1s'");
      return query('select * from get_removable_objects(500)');
    });
    assert.equal(listed.length, 500);
    await db.query('truncate track_archiving_leftovers');
  }
});

test('situation 44: tracks that a policy refused wake when it is corrected, and their dead letters go', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const sweep = await sweeper(world);
  await world.database.query(
    "update track_archiving_policies set allowed_hosts = '{elsewhere.example}' where provider = 'tester'",
  );
  const { id } = await insertWholeTrack(
    world,
    {},
    { created_at: new Date(Date.now() - 13.2 * 86_400_000) },
  );
  await deliverTrack(world, archive, id);
  assert.equal((await readJob(world, id)).error_code, 'host_not_allowed');
  assert.equal(deadLetters(world).length, 1);
  await world.database.query(
    "update track_archiving_policies set allowed_hosts = '{cdn.provider.example}' where provider = 'tester'",
  );
  await sweep();
  await deliver(world, archive, []);
  assert.equal((await readTrack(world, id)).archived_to_storage, true);
  await sweep();
  assert.deepEqual(deadLetters(world), []);
});

const refusedCovers = [
  'null',
  '/images/default.svg',
  'data:image/png;base64,iVBORw0KGgo=',
  'https://elsewhere.example/cover.jpg',
];

test('situation 24: a song whose cover is refused for good is archived, whatever the address is', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const cover_url of refusedCovers) {
    const { id } = await insertTrack(world, { audio_url: serve(world, files.audio), cover_url });
    await deliverTrack(world, archive, id);
    const track = await readTrack(world, id);
    assert.equal(track.archived_to_storage, true, cover_url);
    const [cover] = await world.database.query(
      "select storage_url, error_code from track_archiving_files where track_id = $1 and kind = 'cover'",
      [id],
    );
    assert.equal(cover.storage_url, null);
    assert.notEqual(cover.error_code, null, cover_url);
  }
  assert.deepEqual(deadLetters(world), []);
  assert.deepEqual(
    await world.database.query("select from notifications where type = 'warning'"),
    [],
  );
});
