import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { SendMessageCommand, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { timings } from '../../../core/timings.ts';
import { startFunction } from '../../../local/aws/lambda.ts';
import { service } from '../../migrations/app.ts';
import { bundles } from '../../support/bundles.ts';
import { until } from '../../support/until.ts';
import { deadLetters } from '../archive/deliver.ts';
import { insertTrack } from '../tracks.ts';
import { deadLetterName, queueName, startWorld, type World } from '../world.ts';
import { audio_url, nothing, sweeper } from './sweeping.ts';

const isAsked = ({ url = '' }: { url?: string | undefined }) =>
  url.endsWith('/rpc/get_archiving_states');

const sendLetter = ({ sqs, deadLetterUrl }: World, MessageBody: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl: deadLetterUrl, MessageBody }));

const fail = ({ database }: World, id: string) =>
  database.query(
    "select fail_track_archiving(job_id, fencing_token, 'provider_gone', '') from claim_track_archiving($1, 60, 'w')",
    [id],
  );

/** A track that failed for good, with its letter. */
async function insertFailed(world: World): Promise<string> {
  const { id } = await insertTrack(world, { audio_url });
  await sendLetter(world, archiveMessage(id, 'schedule'));
  await fail(world, id);
  return id;
}

const archiveByHand = ({ database }: World, id: string) =>
  service(database)("select mark_track_archived($1, 'https://app.example/song.mp3', null, null)", [
    id,
  ]);

/** A job that is open again, since so long ago. */
async function openAgain({ database }: World, id: string, age: string): Promise<void> {
  const [job] = await database.query('select id from archiver.open_jobs(array[$1::uuid])', [id]);
  await database.query(
    'update track_archiving_jobs set created_at = now() - $2::interval where id = $1',
    [job.id, age],
  );
}

const counts = ({ aws }: World) => aws.queue(deadLetterName)?.counts();

test('letters go whose tracks are archived, deleted, or have a later job; the others are seen again at once', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const archived = await insertFailed(world);
  await archiveByHand(world, archived);
  const deleted = await insertFailed(world);
  await world.database.query('delete from tracks where id = $1', [deleted]);
  const open = await insertFailed(world);
  await openAgain(world, open, '-10 minutes');

  const failed = await insertFailed(world);
  const failing = await insertFailed(world);
  await openAgain(world, failing, '-1 minute');
  const renewing = await insertFailed(world);
  await archiveByHand(world, renewing);
  await world.database.query('update tracks set audio_url = $2 where id = $1', [
    renewing,
    `${audio_url}2`,
  ]);
  await fail(world, renewing);
  await sendLetter(world, 'not one of ours');
  const before = world.aws.queue(deadLetterName)?.messages.map(({ id, sentAt }) => [id, sentAt]);

  world.supabase.passed.length = 0;
  assert.deepEqual(await sweep(), nothing);
  assert.deepEqual(
    deadLetters(world)
      .map(({ body }) => body)
      .sort(),
    [
      ...[failed, failing, renewing].map((id) => archiveMessage(id, 'schedule')),
      'not one of ours',
    ].sort(),
  );
  assert.deepEqual(counts(world), { visible: 4, inFlight: 0 });
  const after = world.aws.queue(deadLetterName)?.messages.map(({ id, sentAt }) => [id, sentAt]);
  assert.deepEqual(after, before?.slice(3), 'neither sent anew nor older');
  assert.equal(world.supabase.passed.filter((line) => isAsked({ url: line })).length, 1);
});

test('many letters are asked about at once', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  for (let count = 1; count <= 25; count += 1) {
    await sendLetter(world, archiveMessage(randomUUID(), 'schedule'));
  }
  const failed = await insertFailed(world);
  world.supabase.passed.length = 0;
  assert.deepEqual(await sweep(), nothing);
  assert.deepEqual(
    deadLetters(world).map(({ body }) => body),
    [archiveMessage(failed, 'schedule')],
  );
  assert.equal(world.supabase.passed.filter((line) => isAsked({ url: line })).length, 1);
});

test('where the database cannot be asked about letters, all are seen again at once and the sweep says that it failed', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const id = await insertFailed(world);
  await archiveByHand(world, id);
  world.supabase.intercept = (request, response) => {
    if (!isAsked(request)) return false;
    response.writeHead(503).end('{"code":"PGRST002","message":"no connection"}');
    return true;
  };
  await assert.rejects(sweep(), /met 1 errors/);
  assert.deepEqual(counts(world), { visible: 1, inFlight: 0 });
  world.supabase.intercept = () => false;
  assert.deepEqual(await sweep(), nothing);
  assert.deepEqual(counts(world), { visible: 0, inFlight: 0 });
});

test('a sweep that is killed with letters in its hand loses none', async (t) => {
  const world = await startWorld(t);
  const fn = startFunction({
    name: 'track-archiver-sweep',
    bundle: bundles.sweep ?? '',
    environment: world.environment,
    memoryMegabytes: 256,
    timeoutSeconds: timings.sweepTimeout,
    maxConcurrency: 1,
    clock: world.clock,
  });
  t.onTestFinished(() => fn.stop());
  const archived = await insertFailed(world);
  await archiveByHand(world, archived);
  const failed = await insertFailed(world);
  let isHolding = false;
  world.supabase.intercept = (request) => {
    if (!isAsked(request)) return false;
    isHolding = true;
    return true;
  };
  const run = fn.invoke({});
  const killed = assert.rejects(run);
  await until(() => isHolding);
  assert.deepEqual(counts(world), { visible: 0, inFlight: 2 });
  fn.killAll();
  await killed;
  world.supabase.intercept = () => false;
  await world.clock.advanceTo(world.clock.now() + 60_000);
  assert.deepEqual(counts(world), { visible: 2, inFlight: 0 });
  await fn.invoke({});
  assert.deepEqual(
    deadLetters(world).map(({ body }) => body),
    [archiveMessage(failed, 'schedule')],
  );
});

test('nothing is received while SQS moves the queue, which would take what is in flight for gone', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  for (let count = 1; count <= 2; count += 1) {
    await archiveByHand(world, await insertFailed(world));
  }
  await world.sqs.send(
    new StartMessageMoveTaskCommand({
      SourceArn: world.aws.queue(deadLetterName)?.arn,
      DestinationArn: world.environment.ARCHIVE_QUEUE_ARN,
      MaxNumberOfMessagesPerSecond: 1,
    }),
  );
  assert.deepEqual(await sweep(), nothing);
  const queues = [queueName, deadLetterName].map((name) => world.aws.queue(name));
  assert.equal(queues.flatMap((queue) => queue?.messages ?? []).length, 2);
});
