import assert from 'node:assert/strict';
import type { SQSEvent } from 'aws-lambda';
import { test } from 'vitest';
import { ArchiveFailure } from '../../../core/failure.ts';
import { archiveMessage } from '../../../core/message.ts';
import { processBatch } from '../../../lambdas/archive/batch.ts';
import { quiet } from '../quiet.ts';
import { files, insertTrack, insertWholeTrack, readJob, readTrack, serve } from '../tracks.ts';
import { queueName, startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliver, deliverTrack } from './deliver.ts';

test('one batch has it all: only what should come again is reported as failed', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const good = await insertWholeTrack(world);
  const lost = await insertWholeTrack(world, { audio: { kind: 'status', status: 404 } });
  const flaky = await insertWholeTrack(world, { video: { kind: 'status', status: 503 } });
  const bodies = [...[good, lost, flaky].map(({ id }) => archiveMessage(id, 'sweep')), 'strange'];
  const delivered = await deliver(world, archive, bodies);
  assert.deepEqual(delivered.failed, [archiveMessage(flaky.id, 'sweep')]);
  const codes = deadLetters(world).map(({ attributes }) => attributes.code);
  assert.deepEqual(codes.sort(), ['message_invalid', 'provider_gone']);
});

test('messages under work are hidden until a crashed worker’s lease is over', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const url = serve(world, files.audio, { kind: 'stalled', after: 5000 });
  const track = await insertTrack(world, { audio_url: url });
  let hidden = 0;
  world.supabase.intercept = () => {
    const [message] = world.aws.queue(queueName)?.messages ?? [];
    hidden = Math.round(((message?.visibleAt ?? 0) - world.clock.now()) / 1000);
    world.supabase.intercept = () => false;
    return false;
  };
  await deliverTrack(world, archive, track.id);
  assert.equal(hidden, 960);
});

test('when the time of the invocation runs out, the track is released in time to be tried again', async (t) => {
  const world = await startWorld(t);
  world.environment.PROVIDER_TIMEOUT_MS = '60000';
  const archive = await archiveLambda(world);
  const stalled = serve(world, files.audio, { kind: 'stalled', after: 5000 });
  const slow = await insertTrack(world, { audio_url: stalled });
  const good = await insertWholeTrack(world);
  const bodies = [slow, good].map(({ id }) => archiveMessage(id, 'schedule'));
  // Fifteen seconds of it are kept to report.
  const delivered = await deliver(world, archive, bodies, { remaining: 17_000 });
  assert.deepEqual(delivered.failed, [archiveMessage(slow.id, 'schedule')]);
  const job = await readJob(world, slow.id);
  assert.deepEqual([job.status, job.error_code], ['pending', 'out_of_time']);
  assert.equal((await readTrack(world, good.id)).archived_to_storage, true);
});

test('a wait that would not fit into the time that is left is left to the queue', async (t) => {
  const world = await startWorld(t);
  world.environment.RETRY_BASE_DELAY_MS = '5000';
  const archive = await archiveLambda(world);
  const url = serve(world, files.audio, { kind: 'status', status: 500 });
  const track = await insertTrack(world, { audio_url: url });
  await deliverTrack(world, archive, track.id, { remaining: 19_000 });
  assert.equal(world.provider.requests.length, 1);
  assert.equal((await readJob(world, track.id)).error_code, 'provider_unavailable');
});

const event = (count: number): SQSEvent =>
  ({
    Records: Array.from({ length: count }, (_, index) => ({
      messageId: `m${index}`,
      receiptHandle: `r${index}`,
      body: '',
      attributes: { ApproximateReceiveCount: '2' },
    })),
  }) as unknown as SQSEvent;

test('whatever a message’s work throws, it comes again, and its neighbours are done', async () => {
  const hidden: [string, number][] = [];
  const answer = await processBatch(event(3), {
    queue: { hide: async (handles, seconds) => void hidden.push([handles.join(), seconds]) },
    settle: async ({ messageId }) => {
      if (messageId === 'm1') throw new ArchiveFailure('database_unavailable', 'down');
      if (messageId === 'm2') throw new TypeError('a defect');
      return { fate: 'done' };
    },
    telemetry: quiet,
  });
  assert.deepEqual(
    answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['m1', 'm2'],
  );
  assert.deepEqual(hidden, [
    ['r0,r1,r2', 960],
    ['r1', 120],
    ['r2', 120],
  ]);
});

test('a queue that refuses to hide messages stops no work', async () => {
  const answer = await processBatch(event(1), {
    queue: { hide: async () => Promise.reject(new Error('throttled')) },
    settle: async () => ({ fate: 'done' }),
    telemetry: quiet,
  });
  assert.deepEqual(answer, { batchItemFailures: [] });
});

test('no more than ten messages are worked on at once, however large the batch', async () => {
  let running = 0;
  let most = 0;
  await processBatch(event(35), {
    queue: { hide: async () => {} },
    settle: async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
      return { fate: 'done' };
    },
    telemetry: quiet,
  });
  assert.equal(most, 10);
});
