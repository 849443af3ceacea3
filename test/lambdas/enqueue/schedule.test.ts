import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { insertTrack, readJob, readJobs, readTrack } from '../tracks.ts';
import { startWorld } from '../world.ts';
import { enqueueLambda, postSigned, queued, schedules, webhookBody } from './post.ts';

const audio_url = 'https://cdn.provider.example/song.mp3';
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

test('a completed track gets one schedule for its due time, and a pending job that knows it', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  const answer = await postSigned(post, webhookBody(track.id, 'INSERT'));
  const { archive_scheduled_at: due } = await readTrack(world, track.id);
  assert.deepEqual(answer, {
    status: 200,
    body: { action: 'scheduled', trackId: track.id, dueAt: due.toISOString() },
  });

  const [[name, schedule] = [], ...others] = [...(await schedules(world))];
  assert.deepEqual(others, []);
  assert.equal(name, `track-${track.id}`);
  assert.equal(schedule?.ScheduleExpression, `at(${due.toISOString().slice(0, 19)})`);
  assert.equal(schedule?.ScheduleExpressionTimezone, 'UTC');
  assert.equal(schedule?.ActionAfterCompletion, 'DELETE');
  assert.deepEqual(schedule?.FlexibleTimeWindow, { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 });
  assert.deepEqual(schedule?.Target, {
    Arn: world.environment.ARCHIVE_QUEUE_ARN,
    RoleArn: world.environment.SCHEDULE_ROLE_ARN,
    Input: archiveMessage(track.id, 'schedule'),
    RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
    DeadLetterConfig: { Arn: world.environment.SCHEDULE_DEAD_LETTER_ARN },
  });
  const job = await readJob(world, track.id);
  assert.equal(job.status, 'pending');
  assert.deepEqual(job.scheduled_for, due);
  assert.equal(job.dispatched_at, null);
  assert.deepEqual(queued(world), []);
});

test('a track that is due goes straight to the queue, once', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url, created_at: daysAgo(14) });
  assert.equal((await postSigned(post, webhookBody(track.id))).body.action, 'enqueued');
  assert.ok((await readJob(world, track.id)).dispatched_at);
  const again = await postSigned(post, webhookBody(track.id));
  assert.deepEqual([again.body.action, again.body.reason], ['ignored', 'already_enqueued']);
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'schedule')]);
  assert.equal((await schedules(world)).size, 0);
});

test('a provider that keeps files for an hour is archived at once', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url, provider: 'replicate' });
  assert.equal((await postSigned(post, webhookBody(track.id))).body.action, 'enqueued');
});

test('the window shrinks where the files expire soon after the due time', async (t) => {
  const world = await startWorld(t);
  await world.database.query(
    "update track_archiving_policies set retention = '2 hours', archive_after = '90 minutes' where provider = 'tester'",
  );
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  await postSigned(post, webhookBody(track.id));
  const schedule = (await schedules(world)).get(`track-${track.id}`);
  assert.deepEqual(schedule?.FlexibleTimeWindow, { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 7 });
});

test('a changed due date moves the schedule; one that has come removes it and sends the track', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  await postSigned(post, webhookBody(track.id));
  const sooner = new Date(Date.now() + 3_600_000);
  const move = (due: Date) =>
    world.database.query('update public.tracks set archive_scheduled_at = $2 where id = $1', [
      track.id,
      due,
    ]);
  await move(sooner);
  assert.equal((await postSigned(post, webhookBody(track.id))).body.action, 'rescheduled');
  const schedule = (await schedules(world)).get(`track-${track.id}`);
  assert.equal(schedule?.ScheduleExpression, `at(${sooner.toISOString().slice(0, 19)})`);
  await move(new Date(Date.now() + 30_000));
  assert.equal((await postSigned(post, webhookBody(track.id))).body.action, 'enqueued');
  assert.equal((await schedules(world)).size, 0);
});

test('a deleted track, and one that is no longer completed, is cancelled', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  for (const [statement, reason] of [
    ['delete from public.tracks where id = $1', 'track_not_found'],
    ["update public.tracks set status = 'failed' where id = $1", 'not_completed'],
  ] as const) {
    const track = await insertTrack(world, { audio_url });
    await postSigned(post, webhookBody(track.id));
    await world.database.query(statement, [track.id]);
    const answer = await postSigned(post, webhookBody(track.id, 'DELETE'));
    assert.deepEqual(answer.body, { action: 'cancelled', trackId: track.id, reason });
    assert.equal((await schedules(world)).size, 0);
    assert.deepEqual(await readJobs(world, track.id), []);
    const again = await postSigned(post, webhookBody(track.id, 'DELETE'));
    assert.equal(again.body.action, 'cancelled', 'nothing to cancel is fine');
  }
});

test('a track that no database knows leaves no trace', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const answer = await postSigned(post, webhookBody(crypto.randomUUID()));
  assert.deepEqual([answer.status, answer.body.action], [200, 'cancelled']);
  assert.deepEqual([(await schedules(world)).size, queued(world).length], [0, 0]);
});

test('a track that a worker holds, and one that failed for good, is left alone', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const held = await insertTrack(world, { audio_url, created_at: daysAgo(14) });
  await world.database.query("select claim_track_archiving($1, 600, 'worker')", [held.id]);
  const failed = await insertTrack(world, { audio_url, created_at: daysAgo(14) });
  await world.database.query(
    `select fail_track_archiving(job_id, fencing_token, 'provider_gone', 'gone')
     from claim_track_archiving($1, 600, 'worker')`,
    [failed.id],
  );
  const reasons = [];
  for (const { id } of [held, failed]) {
    const { body } = await postSigned(post, webhookBody(id));
    reasons.push([body.action, body.reason]);
  }
  assert.deepEqual(reasons, [
    ['ignored', 'in_progress'],
    ['ignored', 'failed'],
  ]);
  assert.deepEqual(queued(world), []);
});
