import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';
import { test } from 'vitest';
import { archiveLambda, deadLetters, deliver, deliverTrack } from '../lambdas/archive/deliver.ts';
import { queued } from '../lambdas/enqueue/post.ts';
import { sweeper } from '../lambdas/sweep/sweeping.ts';
import { files, insertWholeTrack, readTrack, storedObjects } from '../lambdas/tracks.ts';
import { startWorld } from '../lambdas/world.ts';
import { moveClock, newTrack, newUser } from '../migrations/app.ts';

const day = 86_400_000;
const due = { created_at: new Date(Date.now() - 13.2 * day) };

test('situation 26: a track that comes back while the sweep removes files keeps its own', async (t) => {
  const world = await startWorld(t);
  const { database, supabase } = world;
  const sweep = await sweeper(world);
  await database.query('update track_archiving_settings set remove_deleted_after_days = 0');
  const user = await newUser(database);
  const leave = async (n: number) => {
    const track = await newTrack(database, user, { status: 'processing' });
    await database.query(
      `insert into track_archiving_leftovers (bucket_id, object_name, reason, since)
       values ('tracks-audio', $1, 'deleted', archiver.clock() - make_interval(mins => $2))`,
      [`${user}/${track}.mp3`, 100 - n],
    );
    await database.query('delete from tracks where id = $1', [track]);
    return track;
  };
  const tracks: string[] = [];
  for (let n = 0; n < 30; n++) tracks.push(await leave(n));
  const last = tracks.at(-1) ?? '';
  const removed: string[] = [];
  let back: Promise<unknown> | undefined;
  supabase.intercept = async ({ method, url = '' }) => {
    if (method !== 'DELETE') return false;
    removed.push(url);
    back ??= newTrack(database, user, { id: last, status: 'processing' });
    await back;
    return false;
  };
  await sweep();
  assert.equal(removed.length, 29);
  assert.ok(!removed.some((url) => url.includes(last)), 'asked again right before each removal');
});

test('situation 50: what one user has due by the hundred does not keep the track of another off the first batches', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const hostile = await newUser(world.database);
  await world.database.query(
    `insert into tracks (user_id, title, status, provider, audio_url, created_at, metadata)
     select $1, 'Dead', 'completed', 'tester', 'https://cdn.provider.example/dead/' || n || '.mp3',
       now() - interval '14 days', jsonb_build_object('expires_at', now() + interval '30 minutes')
     from generate_series(1, 300) n`,
    [hostile],
  );
  const { id } = await insertWholeTrack(world, {}, due);
  const archive = await archiveLambda(world);
  await moveClock(world.database, '6 minutes');
  await sweep();
  assert.ok(queued(world).length > 1);
  // The sweep sends ten at a time, in no order among them.
  for (let batch = 0; batch < 2; batch++) await deliver(world, archive, []);
  assert.equal((await readTrack(world, id)).archived_to_storage, true);
});

test('situation 57: files that their owner deleted or that were replaced are noticed by the sweep, and copied again', async (t) => {
  const world = await startWorld(t);
  const { database, gateway } = world;
  const archive = await archiveLambda(world);
  const sweep = await sweeper(world);
  const [deleted, replaced, kept] = [
    await insertWholeTrack(world, {}, due),
    await insertWholeTrack(world, {}, due),
    await insertWholeTrack(world, {}, due),
  ];
  for (const { id } of [deleted, replaced, kept]) await deliverTrack(world, archive, id);
  const owner = createClient(gateway.url, gateway.keys.publishable, {
    accessToken: async () => gateway.userToken(deleted.userId),
  });
  const removal = await owner.storage
    .from('tracks-audio')
    .remove([`${deleted.userId}/${deleted.id}.mp3`]);
  assert.deepEqual([removal.error, removal.data?.length], [null, 1]);
  const service = createClient(gateway.url, gateway.keys.secret);
  const update = await service.storage
    .from('tracks-covers')
    .update(`${replaced.userId}/${replaced.id}.jpg`, Buffer.from('another'), {
      contentType: 'image/jpeg',
    });
  assert.equal(update.error, null);
  const was = await readTrack(world, kept.id);
  await sweep();
  for (const { id } of [deleted, replaced])
    assert.equal((await readTrack(world, id)).archived_to_storage, false);
  assert.deepEqual(await readTrack(world, kept.id), was);

  await moveClock(database, '6 minutes');
  await sweep();
  await deliver(world, archive, []);
  const objects = await storedObjects(world);
  for (const { id, userId } of [deleted, replaced, kept]) {
    assert.equal((await readTrack(world, id)).archived_to_storage, true);
    assert.deepEqual(objects.get(`tracks-audio/${userId}/${id}.mp3`), files.audio);
    assert.deepEqual(objects.get(`tracks-covers/${userId}/${id}.jpg`), files.cover);
  }
  assert.deepEqual(deadLetters(world), []);
});
