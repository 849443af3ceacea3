import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import {
  files,
  insertTrack,
  insertWholeTrack,
  readJob,
  readJobs,
  readTrack,
  requestsFor,
  serve,
  storedObjects,
} from '../tracks.ts';
import { startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliverTrack } from './deliver.ts';

test('a Retry-After that fits is waited for', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const soon = serve(world, files.audio, { kind: 'flaky', failures: 1, by: 429, retryAfter: '1' });
  const track = await insertTrack(world, { audio_url: soon });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  const [first, second] = world.provider.requests;
  assert.ok(first && second && second.time - first.time >= 1000);
});

test('a redelivery copies only what is missing', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    cover: { kind: 'status', status: 441 },
    video: { kind: 'flaky', failures: 3, by: 500 },
  });
  assert.equal((await deliverTrack(world, archive, track.id)).failed.length, 1);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, false);
  assert.equal((await storedObjects(world)).size, 1);
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  assert.equal(requestsFor(world, track.urls.audio), 1);
  assert.equal(requestsFor(world, track.urls.cover), 1);
  assert.equal(requestsFor(world, track.urls.video), 4);
});

test('the delay doubles with each delivery, and never passes half of the time until expiry', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const audio_url = serve(world, files.audio, { kind: 'status', status: 500 });
  const expires_at = new Date(Date.now() + 200_000).toISOString();
  const long = await insertTrack(world, { audio_url });
  const short = await insertTrack(world, { audio_url, metadata: { expires_at } });
  const delaysOf = async (id: string, received: number) =>
    (await deliverTrack(world, archive, id, { received })).delays[0] ?? 0;
  assert.equal(await delaysOf(long.id, 3), 240);
  const bounded = await delaysOf(short.id, 3);
  assert.ok(bounded > 80 && bounded <= 100, String(bounded));
});

test('the fifth delivery is the last: a dead letter says why, the job fails, and the message ends', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const audio_url = serve(world, files.audio, { kind: 'status', status: 500 });
  const track = await insertTrack(world, { audio_url });
  const delivered = await deliverTrack(world, archive, track.id, { received: 5 });
  assert.deepEqual(delivered.failed, []);
  const job = await readJob(world, track.id);
  assert.deepEqual([job.status, job.error_code], ['failed', 'provider_unavailable']);
  assert.deepEqual(deadLetters(world), [
    {
      body: archiveMessage(track.id, 'schedule'),
      attributes: { code: job.error_code, reason: job.error_message, trackId: track.id },
    },
  ]);
});

test('a track that failed is archived by a later message, once its address has the file', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { audio: { kind: 'status', status: 410 } });
  await deliverTrack(world, archive, track.id);
  world.provider.serve(track.urls.audio, files.audio);
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  assert.deepEqual(
    (await readJobs(world, track.id)).map((job) => job.status),
    ['completed', 'failed'],
  );
  assert.equal(requestsFor(world, track.urls.cover), 1, 'the cover was already saved');
});
