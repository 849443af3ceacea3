import assert from 'node:assert/strict';
import { maxReceiveCount, timings } from '../../core/timings.ts';
import {
  files,
  insertWholeTrack,
  readJob,
  readJobs,
  readTrack,
  requestsFor,
} from '../lambdas/tracks.ts';
import { deadLetterName, providerHost, queueName } from '../lambdas/world.ts';
import { until } from '../support/until.ts';
import type { PlayedCase, StorageExchange } from './case.ts';
import { deliverCases, redeliver, stage } from './deliver-cases.ts';
import { startGround } from './ground.ts';
import { assertFailed, audioRequests, storedKinds } from './outcome.ts';

/** A provider that stalls for longer than any test takes. */
const patient = { PROVIDER_TIMEOUT_MS: '100000' };

/** Sets another address for the audio, once, while it is being uploaded; nothing is there. */
const correctAddress = async ({ isUpload, count, ground, track }: StorageExchange) => {
  if (!isUpload || count > 1) return false;
  await ground.database.query('update tracks set audio_url = $2 where id = $1', [
    track.id,
    `https://${providerHost}/corrected`,
  ]);
  return false;
};

export const outOfTime: PlayedCase = {
  what: 'the invocation’s time ends in mid-copy',
  async play(t) {
    // Fifteen seconds of it are kept to report.
    const ground = await startGround(t, { environment: patient, timeoutSeconds: 16 });
    const scene = { what: '', audio: { kind: 'stalled', after: 5000 }, requests: 1 } as const;
    const [staged] = await deliverCases(ground, [scene]);
    await assertFailed(ground, staged, 'out_of_time', scene);
  },
};

export const workerCrashed: PlayedCase = {
  what: 'every worker crashes in mid-copy, and the sweep finds out',
  async play(t) {
    const ground = await startGround(t, { environment: patient });
    // Due since yesterday.
    const created_at = new Date(ground.clock.now() - 14 * 86_400_000);
    const stalled = { kind: 'stalled', after: 5000 } as const;
    const track = await insertWholeTrack(ground, { audio: stalled }, { created_at });
    ground.send(track.id);
    for (let life = 1; life <= maxReceiveCount; life += 1) {
      await until(async () => {
        const job = await readJob(ground, track.id);
        const saved = job?.storage_cover_url && job.storage_video_url;
        return saved && requestsFor(ground, track.urls.audio) === life;
      });
      ground.archive.killAll();
      await ground.settled();
      const { status, attempt } = await readJob(ground, track.id);
      assert.deepEqual([status, attempt], ['processing', life]);
      const delay = (ground.message(track.id)?.visibleAt ?? 0) - ground.clock.now();
      assert.ok(Math.abs(delay / 1000 - timings.crashRedelivery) < 30, String(delay));
      await ground.clock.advanceTo(ground.message(track.id)?.visibleAt ?? 0);
    }
    await ground.settled();
    assert.deepEqual(
      ground.deadLetters(track.id).map(({ attributes }) => attributes),
      [{}],
      'SQS itself moved it, without a reason',
    );
    const swept = await ground.run('sweep', {});
    assert.partialDeepStrictEqual(swept, { abandoned: 1, dispatched: 0, failed: 0 });
    const job = await readJob(ground, track.id);
    assert.deepEqual([job.status, job.error_code], ['failed', 'worker_crashed']);
    const [, letter] = ground.deadLetters(track.id);
    assert.equal(letter?.attributes.code, 'worker_crashed');
    const row = await readTrack(ground, track.id);
    assert.equal(row.archived_to_storage, false);
    assert.equal(row.storage_audio_url, null);
    assert.match(row.storage_cover_url, /tracks-covers/, 'what could be saved is shown');
    assert.deepEqual(await storedKinds(ground, track), ['cover', 'video']);
    for (const url of [track.urls.cover, track.urls.video])
      assert.equal(requestsFor(ground, url), 1);
  },
};

export const expired: PlayedCase = {
  what: 'the provider’s retention passes before the file can be had',
  async play(t) {
    const ground = await startGround(t);
    const scene = { what: '', audio: { kind: 'status', status: 503 } } as const;
    const staged = await stage(ground, scene);
    await ground.clock.advanceTo(ground.clock.now() + 16 * 86_400_000);
    assert.partialDeepStrictEqual(await ground.run('sweep', {}), { dispatched: 1, expired: 0 });
    await ground.settled();
    assert.equal(audioRequests(ground, staged), 3, 'the provider is asked once more all the same');
    ground.aws.queue(queueName)?.remove(ground.message(staged.id));
    await ground.clock.advanceTo(ground.clock.now() + (timings.stallTimeout + 60) * 1000);
    assert.partialDeepStrictEqual(await ground.run('sweep', {}), { dispatched: 0, expired: 1 });

    const job = await readJob(ground, staged.id);
    assert.deepEqual([job.status, job.error_code], ['failed', 'expired']);
    assert.match(job.error_message, /^Its deadline was .*provider_unavailable/);
    assert.equal(ground.deadLetters(staged.id)[0]?.attributes.code, 'expired');
    assert.equal(audioRequests(ground, staged), 3);
    assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
    assert.deepEqual(await storedKinds(ground, staged), []);
  },
};

export const ownerMissing: PlayedCase = {
  what: 'the track has no owner',
  async play(t) {
    const ground = await startGround(t);
    await ground.database.query('alter table tracks alter column user_id drop not null');
    const staged = await stage(ground, { what: '' });
    await ground.database.query('update tracks set user_id = null where id = $1', [staged.id]);
    ground.send(staged.id);
    await ground.settled();
    await ground.clock.advanceTo(ground.clock.now() + 600_000);
    assert.partialDeepStrictEqual(await ground.run('sweep', {}), { failed: 0 });
    ground.send(staged.id);
    await ground.settled();
    const jobs = await readJobs(ground, staged.id);
    assert.deepEqual(
      jobs.map(({ status, error_code, next_check_at }) => [status, error_code, next_check_at]),
      [['failed', 'owner_missing', null]],
    );
    assert.equal(audioRequests(ground, staged), 0);
  },
};

export const superseded: PlayedCase = {
  what: 'the address is corrected in mid-copy, and nothing is there either',
  async play(t) {
    const ground = await startGround(t);
    const [staged] = await deliverCases(ground, [{ what: '', storage: correctAddress }]);
    const job = await readJob(ground, staged.id);
    assert.deepEqual([job.status, job.error_code], ['pending', 'superseded']);
    assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
    const delay = (ground.message(staged.id)?.visibleAt ?? 0) - ground.clock.now();
    assert.ok(delay <= 5000, String(delay));

    await redeliver(ground, staged);
    const { error_code, error_message, next_check_at } = await readJob(ground, staged.id);
    assert.equal(error_code, 'provider_gone');
    assert.match(error_message, /404 for .*\/corrected/);
    assert.ok(next_check_at !== null, 'the sweep asks again');
    assert.deepEqual(ground.deadLetters(staged.id), []);
    assert.equal(audioRequests(ground, staged), 1);
    assert.equal(requestsFor(ground, `https://${providerHost}/corrected`), 1);
    const row = await readTrack(ground, staged.id);
    assert.equal(row.archived_to_storage, false);
    assert.match(row.storage_audio_url, /tracks-audio/, 'what was copied before stays');
  },
};

export const supersededAtLast: PlayedCase = {
  what: 'the address is corrected in the last delivery',
  async play(t) {
    const ground = await startGround(t);
    const [staged] = await deliverCases(ground, [
      { what: '', storage: correctAddress, received: maxReceiveCount - 1 },
    ]);
    assert.equal(ground.message(staged.id), undefined);
    assert.deepEqual(ground.deadLetters(staged.id), [], 'it is no failure yet');
    assert.equal((await readJob(ground, staged.id)).status, 'pending');
    await ground.clock.advanceTo(ground.clock.now() + 600_000);
    const swept = await ground.run('sweep', {});
    assert.partialDeepStrictEqual(swept, { scheduled: 1, failed: 0 }, 'it is not due yet');
  },
};

export const leaseLost: PlayedCase = {
  what: 'another worker takes over half-way',
  async play(t) {
    const ground = await startGround(t);
    const takeOver = async ({ isUpload, track }: StorageExchange) => {
      if (!isUpload) return false;
      await ground.database.query(
        `update track_archiving_jobs set lease_expires_at = archiver.clock() where track_id = $1`,
        [track.id],
      );
      const [claim] = await ground.database.query(
        `select outcome from claim_track_archiving($1, 600, 'other')`,
        [track.id],
      );
      assert.equal(claim.outcome, 'claimed');
      return false;
    };
    const [staged] = await deliverCases(ground, [{ what: '', storage: takeOver }]);
    assert.ok(ground.lines.some((line) => line.includes('lease_lost')));
    const job = await readJob(ground, staged.id);
    assert.deepEqual([job.status, job.claimed_by, job.error_code], ['processing', 'other', null]);
    assert.equal(job.storage_audio_url, null, 'a stale worker records nothing');
    assert.equal((await readTrack(ground, staged.id)).archived_to_storage, false);
    assert.equal(ground.message(staged.id), undefined);
    assert.deepEqual(ground.deadLetters(staged.id), []);
    assert.equal(audioRequests(ground, staged), 1);
    assert.deepEqual(await storedKinds(ground, staged), ['audio'], 'the file is the other’s now');
  },
};

export const messageInvalid: PlayedCase = {
  what: 'messages are not ours',
  async play(t) {
    const ground = await startGround(t);
    const id = crypto.randomUUID();
    const bodies = [
      'not JSON',
      '"text"',
      'null',
      '{}',
      '<xml/>',
      `{"v":2,"trackId":"${id}","reason":"schedule"}`,
      '{"v":1,"trackId":"../../etc","reason":"schedule"}',
      `{"v":1,"trackId":"${id}","reason":"because"}`,
    ];
    for (const body of bodies) ground.aws.queue(queueName)?.send(body);
    await ground.settled();
    assert.deepEqual(ground.aws.queue(queueName)?.messages, []);
    const letters = ground.aws.queue(deadLetterName)?.messages ?? [];
    assert.deepEqual(letters.map(({ body }) => body).sort(), bodies.toSorted());
    for (const { attributes } of letters) {
      assert.equal(attributes.code?.StringValue, 'message_invalid');
    }
    assert.deepEqual(ground.provider.requests, []);
    assert.deepEqual(await ground.database.query('select from track_archiving_jobs'), []);
  },
};

export const internal: PlayedCase = {
  what: 'the secret is not there',
  async play(t) {
    const ground = await startGround(t, { environment: { SECRET_ID: 'missing' } });
    const [staged] = await deliverCases(ground, [{ what: '', file: files.audio }]);
    const failed = ground.lines.filter((line) => line.includes('"Message failed"'));
    assert.deepEqual(
      failed.map((line) => JSON.parse(line).code),
      ['internal'],
    );
    const { status, attempt } = await readJob(ground, staged.id);
    assert.deepEqual([status, attempt], ['pending', 0]);
    assert.deepEqual(ground.deadLetters(staged.id), []);
    const delay = (ground.message(staged.id)?.visibleAt ?? 0) - ground.clock.now();
    assert.ok(delay > 50_000 && delay <= 60_000, String(delay));
    assert.equal(audioRequests(ground, staged), 0);
  },
};
