import assert from 'node:assert/strict';
import { test } from 'vitest';
import { insertTrack, readJobs } from '../tracks.ts';
import { startWorld } from '../world.ts';
import { enqueueLambda, postSigned, queued, schedules, webhookBody } from './post.ts';

const audio_url = 'https://cdn.provider.example/song.mp3';

test('the same webhook five times at once, among its updates in any order, leaves one schedule and one job', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  const types = ['UPDATE', 'INSERT', 'UPDATE', 'INSERT', 'INSERT', 'UPDATE'] as const;
  const five = [1, 2, 3, 4, 5].map(() => webhookBody(track.id, 'INSERT'));
  const bodies = [...types.map((type) => webhookBody(track.id, type)), ...five];
  const answers = await Promise.all(bodies.map((body) => postSigned(post, body)));
  assert.deepEqual(new Set(answers.map(({ body }) => body.action)), new Set(['scheduled']));
  assert.equal((await schedules(world)).size, 1);
  assert.equal((await readJobs(world, track.id)).length, 1);
});

test('a deletion among late updates, in any order, leaves no schedule', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  const late = [1, 2, 3].map(() => postSigned(post, webhookBody(track.id)));
  await world.database.query('delete from public.tracks where id = $1', [track.id]);
  const deletion = postSigned(post, webhookBody(track.id, 'DELETE'));
  const answers = await Promise.all([...late, deletion]);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal((await schedules(world)).size, 0);
});

test('due dates that change between the webhooks leave the schedule at the last one', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  const answers = [];
  let due = '';
  for (let hours = 1; hours <= 4; hours++) {
    due = new Date(Date.now() + hours * 3_600_000).toISOString();
    const statement = 'update public.tracks set archive_scheduled_at = $2 where id = $1';
    await world.database.query(statement, [track.id, due]);
    answers.push(postSigned(post, webhookBody(track.id)));
  }
  await Promise.all(answers);
  const schedule = (await schedules(world)).get(`track-${track.id}`);
  assert.equal(schedule?.ScheduleExpression, `at(${due.slice(0, 19)})`);
});

test('a schedule that fires sends the track to the archive queue and is gone', async (t) => {
  const world = await startWorld(t);
  const post = await enqueueLambda(world);
  const track = await insertTrack(world, { audio_url });
  await postSigned(post, webhookBody(track.id));
  await world.clock.advanceTo(Date.now() + 14 * 86_400_000);
  assert.equal(queued(world).length, 1);
  assert.equal((await schedules(world)).size, 0);
});
