import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../core/message.ts';
import { maxTries } from '../../core/retry.ts';
import { maxReceiveCount, timings } from '../../core/timings.ts';
import { insertWholeTrack, readJob, readJobs, readTrack, requestsFor } from '../lambdas/tracks.ts';
import { until } from '../support/until.ts';
import { deliverCases, redeliver } from './deliver-cases.ts';
import { type Ground, startGround } from './ground.ts';
import { assertArchived, assertFailed, audioRequests, storedKinds } from './outcome.ts';
import { forgets } from './storage-cases.ts';

const secondsUntil = (ground: Ground, id: string): number =>
  Math.round(((ground.message(id)?.visibleAt ?? 0) - ground.clock.now()) / 1000);

test('what time may fix is tried by the retry policy, then by the queue, and after five receives lies in the dead-letter queue', async (t) => {
  const ground = await startGround(t);
  const scene = { what: '', audio: { kind: 'status', status: 503 } } as const;
  const [staged] = await deliverCases(ground, [scene]);
  for (const [index, delay] of [60, 120, 240, 480].entries()) {
    const job = await readJob(ground, staged.id);
    assert.deepEqual(
      [job.status, job.error_code, job.attempt, audioRequests(ground, staged)],
      ['pending', 'provider_unavailable', index + 1, (index + 1) * 3],
    );
    const seconds = secondsUntil(ground, staged.id);
    assert.ok(seconds > delay - 30 && seconds <= delay, `${seconds} s instead of ${delay}`);
    assert.deepEqual(ground.deadLetters(staged.id), []);
    await redeliver(ground, staged);
  }
  const [job, ...others] = await readJobs(ground, staged.id);
  assert.deepEqual(others, [], 'one job all along');
  assert.deepEqual(
    [job.status, job.error_code, job.attempt],
    ['failed', 'provider_unavailable', maxReceiveCount],
  );
  assert.equal(ground.message(staged.id), undefined);
  assert.deepEqual(ground.deadLetters(staged.id), [
    {
      body: archiveMessage(staged.id, 'schedule'),
      attributes: { code: job.error_code, reason: job.error_message, trackId: staged.id },
    },
  ]);
  assert.equal(audioRequests(ground, staged), maxReceiveCount * 3);
  const notified = await ground.database.query('select from notifications where user_id = $1', [
    staged.userId,
  ]);
  assert.equal(notified.length, 0, 'time may still fix it');
  assert.ok(job.next_check_at.getTime() > ground.clock.now() && job.next_check_at < job.expires_at);
  assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
});

test('what no time can fix is asked for once, and never again', async (t) => {
  const ground = await startGround(t);
  const scene = { what: '', audio: { kind: 'status', status: 410 } } as const;
  const [staged] = await deliverCases(ground, [scene]);
  assert.equal(ground.deadLetters(staged.id).length, 1);
  // The track is due by then, and its message still kept.
  await ground.clock.advanceTo(ground.clock.now() + 13.5 * 86_400_000);
  await ground.run('sweep', {});
  await ground.settled();
  assert.equal(audioRequests(ground, staged), 1);
  assert.equal(ground.deadLetters(staged.id).length, 1);
});

test('a worker that is killed in mid-copy leaves nothing half-written, and its successor copies what is missing', async (t) => {
  const ground = await startGround(t, { environment: { PROVIDER_TIMEOUT_MS: '100000' } });
  const track = await insertWholeTrack(ground, { audio: { kind: 'stalled', after: 5000 } });
  ground.send(track.id);
  await until(async () => {
    const job = await readJob(ground, track.id);
    return job?.storage_cover_url && job.storage_video_url;
  });
  ground.archive.killAll();
  await ground.settled();
  const row = await readTrack(ground, track.id);
  assert.equal(row.archived_to_storage, false);
  assert.equal(row.storage_audio_url, null);
  assert.match(row.storage_cover_url, /tracks-covers/, 'what is recorded is shown');
  assert.match(row.storage_video_url, /tracks-videos/);
  assert.deepEqual(await storedKinds(ground, track), ['cover', 'video']);
  const seconds = secondsUntil(ground, track.id);
  assert.ok(seconds > timings.lease && seconds <= timings.crashRedelivery, String(seconds));

  const before = requestsFor(ground, track.urls.audio);
  ground.provider.serve(track.urls.audio, ground.provider.served(track.urls.audio) ?? Buffer.of());
  await redeliver(ground, track);
  const requests = requestsFor(ground, track.urls.audio) - before;
  assert.equal(requests, 1);
  for (const url of [track.urls.cover, track.urls.video]) assert.equal(requestsFor(ground, url), 1);
  assert.equal((await readTrack(ground, track.id)).archived_to_storage, true);
  assert.deepEqual(await storedKinds(ground, track), ['audio', 'cover', 'video']);
  assert.equal((await readJob(ground, track.id)).attempt, 2);
});

test('a file that was uploaded but not recorded is not taken for archived', async (t) => {
  const ground = await startGround(t);
  let reached = false;
  ground.supabase.intercept = ({ url }) => {
    if (!url?.endsWith('/rpc/store_track_asset') || reached) return false;
    reached = true;
    return true; // and never responds
  };
  const delivered = deliverCases(ground, [{ what: '' }]);
  await until(() => reached);
  ground.archive.killAll();
  const [staged] = await delivered;
  assert.deepEqual(await storedKinds(ground, staged), ['audio'], 'it is there');
  assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
  assert.equal((await readJob(ground, staged.id)).storage_audio_url, null);
  await redeliver(ground, staged);
  await assertArchived(ground, staged, { what: '', requests: 2 });
});

test('a file that Storage accepted and has not is copied again by the next delivery', async (t) => {
  const ground = await startGround(t);
  const [staged] = await deliverCases(ground, [{ what: '', storage: forgets(1) }]);
  assert.equal((await readJob(ground, staged.id)).error_code, 'storage_mismatch');
  assert.deepEqual(await storedKinds(ground, staged), []);
  await redeliver(ground, staged);
  await assertArchived(ground, staged, { what: '', requests: 2 });
});

test('a file that its owner deleted between two attempts is copied again, not taken for archived', async (t) => {
  const ground = await startGround(t);
  const [staged] = await deliverCases(ground, [
    { what: '', cover: { kind: 'flaky', failures: maxTries, by: 503 } },
  ]);
  assert.deepEqual(await storedKinds(ground, staged), ['audio']);
  const { url, keys } = ground.gateway;
  const song = `${url}/storage/v1/object/tracks-audio/${staged.userId}/${staged.id}.mp3`;
  const removed = await fetch(song, { method: 'DELETE', headers: { apikey: keys.secret } });
  assert.equal(removed.status, 200);
  await redeliver(ground, staged);
  assert.equal((await readJob(ground, staged.id)).error_code, 'storage_mismatch');
  await redeliver(ground, staged);
  await assertArchived(ground, staged, { what: '', requests: 2, stored: ['audio', 'cover'] });
});

test('a final failure whose report is cut off costs the provider one more request, and is notified once', async (t) => {
  const ground = await startGround(t);
  let isCut = false;
  ground.supabase.intercept = ({ url }) => {
    if (!url?.endsWith('/rpc/fail_track_archiving') || isCut) return false;
    isCut = true;
    return { lose: 'response' };
  };
  const scene = { what: '', audio: { kind: 'status', status: 410 }, final: true } as const;
  const [staged] = await deliverCases(ground, [scene]);
  assert.equal((await readJob(ground, staged.id)).status, 'failed', 'the database knows');
  assert.equal(ground.deadLetters(staged.id).length, 1, 'the dead letter comes first');
  assert.ok(secondsUntil(ground, staged.id) > timings.lease);
  await redeliver(ground, staged);
  await assertFailed(ground, staged, 'provider_gone', { ...scene, requests: 2, letters: 2 });
});

test('a claim whose response is cut off is waited for, and then the track is archived', async (t) => {
  const ground = await startGround(t);
  let isCut = false;
  ground.supabase.intercept = ({ url }) => {
    if (!url?.endsWith('/rpc/claim_track_archiving') || isCut) return false;
    isCut = true;
    return { lose: 'response' };
  };
  const [staged] = await deliverCases(ground, [{ what: '' }]);
  assert.equal((await readJob(ground, staged.id)).status, 'processing', 'by nobody who knows');
  await redeliver(ground, staged);
  const seconds = secondsUntil(ground, staged.id);
  assert.ok(seconds > timings.lease, `busy, and visible again in ${seconds} s`);
  await redeliver(ground, staged);
  await assertArchived(ground, staged, { what: '', requests: 1 });
});
