import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { files, insertTrack, insertWholeTrack, readJob, readTrack, serve } from '../tracks.ts';
import { queueName, startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliver, deliverTrack } from './deliver.ts';

test('one batch has it all: only what should come again is reported as failed', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const good = await insertWholeTrack(world);
  const gone = await insertWholeTrack(world, { audio: { kind: 'status', status: 404 } });
  const flaky = await insertWholeTrack(world, { video: { kind: 'status', status: 503 } });
  const bodies = [...[good, gone, flaky].map(({ id }) => archiveMessage(id, 'sweep')), 'strange'];
  const delivered = await deliver(world, archive, bodies);
  assert.deepEqual(delivered.failed, [archiveMessage(flaky.id, 'sweep')]);
  const codes = deadLetters(world).map(({ attributes }) => attributes.code);
  assert.deepEqual(codes, ['message_invalid']);
  const { status, error_code, next_check_at } = await readJob(world, gone.id);
  assert.deepEqual([status, error_code], ['failed', 'provider_gone']);
  assert.ok(next_check_at !== null, 'the sweep asks again');
});

test('messages under work are invisible until a crashed worker’s lease is over', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const url = serve(world, files.audio, { kind: 'stalled', after: 5000 });
  const track = await insertTrack(world, { audio_url: url });
  let invisible = 0;
  world.supabase.intercept = () => {
    const [message] = world.aws.queue(queueName)?.messages ?? [];
    invisible = Math.round(((message?.visibleAt ?? 0) - world.clock.now()) / 1000);
    world.supabase.intercept = () => false;
    return false;
  };
  await deliverTrack(world, archive, track.id);
  assert.equal(invisible, 960);
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
