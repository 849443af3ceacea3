import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Behaviour } from '../../../local/provider/behaviour.ts';
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

test('audio is asked for three times, and the message comes back in a minute, where the provider', async (t) => {
  const world = await startWorld(t);
  world.environment.PROVIDER_TIMEOUT_MS = '400';
  const archive = await archiveLambda(world);
  for (const [what, behaviour, code] of [
    ['answers 500', { kind: 'status', status: 500 }, 'provider_unavailable'],
    ['answers 503', { kind: 'status', status: 503 }, 'provider_unavailable'],
    ['answers 429', { kind: 'status', status: 429 }, 'provider_throttled'],
    ['answers 408', { kind: 'status', status: 408 }, 'provider_throttled'],
    ['sends nothing', { kind: 'empty' }, 'provider_empty'],
    ['closes in the middle', { kind: 'truncated', after: 5000 }, 'provider_truncated'],
    ['closes before the type is known', { kind: 'truncated', after: 10 }, 'provider_truncated'],
    ['stalls before its headers', { kind: 'stalled' }, 'provider_timeout'],
    ['stalls in the middle', { kind: 'stalled', after: 5000 }, 'provider_stalled'],
    ['resets', { kind: 'flaky', failures: 9, by: 'reset' }, 'provider_reset'],
  ] as [string, Behaviour, string][]) {
    await t.test(what, async () => {
      const url = serve(world, files.audio, behaviour);
      const track = await insertTrack(world, { audio_url: url });
      const delivered = await deliverTrack(world, archive, track.id);
      assert.equal(delivered.failed.length, 1);
      assert.deepEqual(delivered.delays, [60]);
      assert.equal(requestsFor(world, url), 3);
      const job = await readJob(world, track.id);
      assert.deepEqual([job.status, job.error_code], ['pending', code]);
      assert.deepEqual(await storedObjects(world), new Map());
      assert.deepEqual(deadLetters(world), []);
    });
  }
});

test('a host that does not resolve is tried again', async (t) => {
  const world = await startWorld(t);
  await world.database.query(
    "update track_archiving_policies set allowed_hosts = '{nowhere.invalid}' where provider = 'tester'",
  );
  const archive = await archiveLambda(world);
  const track = await insertTrack(world, { audio_url: 'https://nowhere.invalid/a.mp3' });
  assert.equal((await deliverTrack(world, archive, track.id)).failed.length, 1);
  assert.equal((await readJob(world, track.id)).error_code, 'provider_dns');
});

test('a provider that fails twice is asked a third time, and the track is archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const by of [503, 'reset'] as const) {
    const url = serve(world, files.audio, { kind: 'flaky', failures: 2, by });
    const track = await insertTrack(world, { audio_url: url });
    assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
    assert.equal(requestsFor(world, url), 3);
    assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  }
});

test('a Retry-After that fits is waited for; one that does not fit sets the redelivery', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const soon = serve(world, files.audio, { kind: 'flaky', failures: 1, by: 429, retryAfter: '1' });
  const track = await insertTrack(world, { audio_url: soon });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  const [first, second] = world.provider.requests;
  assert.ok(first && second && second.time - first.time >= 1000);

  const late = serve(world, files.audio, { kind: 'status', status: 503, retryAfter: '1800' });
  const other = await insertTrack(world, { audio_url: late });
  assert.deepEqual((await deliverTrack(world, archive, other.id)).delays, [1800]);
  assert.equal(requestsFor(world, late), 1);
});

test('a redelivery copies only what is missing', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    cover: { kind: 'status', status: 404 },
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

test('the fifth delivery is the last: the job fails and SQS may move the message at once', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const audio_url = serve(world, files.audio, { kind: 'status', status: 500 });
  const track = await insertTrack(world, { audio_url });
  const delivered = await deliverTrack(world, archive, track.id, { received: 5 });
  assert.deepEqual([delivered.failed.length, delivered.delays], [1, [0]]);
  const job = await readJob(world, track.id);
  assert.deepEqual([job.status, job.error_code], ['failed', 'provider_unavailable']);
  assert.deepEqual(deadLetters(world), [], 'the queue’s own redrive moves it, not we');
});

test('a track that failed is archived by a later message, once its address has the file', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { audio: { kind: 'status', status: 404 } });
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
