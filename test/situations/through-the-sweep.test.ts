import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';
import { test } from 'vitest';
import { archiveLambda, deadLetters, deliver, deliverTrack } from '../lambdas/archive/deliver.ts';
import { queued } from '../lambdas/enqueue/post.ts';
import { sweeper } from '../lambdas/sweep/sweeping.ts';
import { files, insertWholeTrack, readTrack, storedObjects } from '../lambdas/tracks.ts';
import { startWorld, type World } from '../lambdas/world.ts';
import { moveClock, newTrack, newUser } from '../migrations/app.ts';

const day = 86_400_000;
const asUser = ({ gateway }: World, userId: string) =>
  createClient(gateway.url, gateway.keys.publishable, {
    accessToken: async () => gateway.userToken(userId),
  });
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
  const { error } = await asUser(world, hostile)
    .from('tracks')
    .insert(
      Array.from({ length: 300 }, (_, n) => ({
        user_id: hostile,
        title: 'Dead',
        status: 'completed',
        provider: 'tester',
        audio_url: `https://cdn.provider.example/dead/${n}.mp3`,
        created_at: new Date(Date.now() - 14 * day),
        metadata: { expires_at: new Date(Date.now() + 30 * 60_000) },
      })),
    );
  assert.equal(error, null);
  const { id } = await insertWholeTrack(world, {}, due);
  const archive = await archiveLambda(world);
  await moveClock(world.database, '6 minutes');
  await sweep();
  assert.ok(queued(world).length > 1);
  // The sweep sends ten at a time, in no order among them.
  for (let batch = 0; batch < 2; batch++) await deliver(world, archive, []);
  assert.equal((await readTrack(world, id)).archived_to_storage, true);
});

test('situation 57: files that their owner deleted or replaced are noticed by the sweep, and copied again', async (t) => {
  const world = await startWorld(t);
  const { database } = world;
  const archive = await archiveLambda(world);
  const sweep = await sweeper(world);
  const [deleted, replaced, kept] = [
    await insertWholeTrack(world, {}, due),
    await insertWholeTrack(world, {}, due),
    await insertWholeTrack(world, {}, due),
  ];
  for (const { id } of [deleted, replaced, kept]) await deliverTrack(world, archive, id);
  const ownFiles = (userId: string, bucket: string) => asUser(world, userId).storage.from(bucket);
  const song = `${deleted.userId}/${deleted.id}.mp3`;
  const stolen = await ownFiles(replaced.userId, 'tracks-audio').remove([song]);
  assert.deepEqual(stolen.data, [], 'not by another');
  const removal = await ownFiles(deleted.userId, 'tracks-audio').remove([song]);
  assert.deepEqual([removal.error, removal.data?.length], [null, 1]);
  const cover = `${replaced.userId}/${replaced.id}.jpg`;
  const covers = ownFiles(replaced.userId, 'tracks-covers');
  assert.equal((await covers.remove([cover])).data?.length, 1);
  const another = Buffer.from('another');
  const upload = await covers.upload(cover, another, { contentType: 'image/jpeg' });
  assert.equal(upload.error, null);
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
