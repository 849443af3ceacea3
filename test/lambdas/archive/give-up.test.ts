import assert from 'node:assert/strict';
import { test } from 'vitest';
import { moveClock } from '../../migrations/app.ts';
import { insertWholeTrack, readJob, readTrack, requestsFor, storedObjects } from '../tracks.ts';
import { startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliverTrack } from './deliver.ts';

test('what could be saved is kept when the audio is gone: the owner can see the cover', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { audio: { kind: 'status', status: 410 } });
  await deliverTrack(world, archive, track.id);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, false);
  assert.match(row.storage_cover_url, /tracks-covers/);
  assert.equal((await storedObjects(world)).size, 2);
  assert.equal(deadLetters(world)[0]?.attributes.code, 'provider_gone');
});

test('a cover and a video that are gone are recorded as gone, and the track is archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    cover: { kind: 'status', status: 441 },
    video: { kind: 'status', status: 410 },
  });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, true);
  assert.equal(row.storage_cover_url, null);
  const { assets } = (await readJob(world, track.id)).metadata;
  for (const kind of ['cover', 'video']) {
    assert.equal(assets[kind].gone, true);
    assert.equal(assets[kind].code, 'provider_gone');
  }
  for (const url of Object.values(track.urls)) assert.equal(requestsFor(world, url), 1);
});

test('a cover that is no image is recorded as refused, and holds nothing up', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { cover: { kind: 'html' } });
  await deliverTrack(world, archive, track.id);
  assert.equal(
    (await readTrack(world, track.id)).archived_to_storage,
    false,
    'it is asked for again',
  );
  await moveClock(world.database, '2 hours');
  await deliverTrack(world, archive, track.id);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, true);
  assert.match(row.storage_audio_url, /tracks-audio/);
  assert.equal(row.storage_cover_url, null);
  const { status, metadata } = await readJob(world, track.id);
  assert.equal(status, 'completed');
  assert.partialDeepStrictEqual(metadata.assets.cover, { gone: true, code: 'media_unrecognised' });
  assert.deepEqual(deadLetters(world), []);
});

test('without audio there is nothing to wait for, whatever may come of the video', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    audio: { kind: 'status', status: 410 },
    video: { kind: 'status', status: 503 },
  });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readJob(world, track.id)).error_code, 'provider_gone');
  assert.equal(deadLetters(world).length, 1);
});

test('as long as one asset may still be saved, the track is kept alive', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const lasting of ['audio', 'video'] as const) {
    const track = await insertWholeTrack(world, {
      cover: { kind: 'html' },
      [lasting]: { kind: 'status', status: 503 },
    });
    assert.equal((await deliverTrack(world, archive, track.id)).failed.length, 1);
    const job = await readJob(world, track.id);
    assert.deepEqual([job.status, job.error_code], ['pending', 'provider_unavailable']);
  }
  assert.deepEqual(deadLetters(world), []);
});
