import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Plan } from '../../../adapters/supabase/rows.ts';
import { type EnqueueDependencies, enqueueTrack } from '../../../lambdas/enqueue/enqueue.ts';
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

/** A database whose plans are `plans` in turn, and that confirms as `confirm` says. */
function scripted(plans: Plan[], confirm: boolean[]) {
  const calls: string[] = [];
  const dependencies: EnqueueDependencies = {
    tracks: {
      plan: async () => {
        calls.push('plan');
        return plans.shift() ?? { action: 'cancel', reason: 'track_not_found' };
      },
      confirmSchedule: async (_, due, route) => {
        calls.push(`confirm ${route} ${due.slice(0, 10)}`);
        return confirm.shift() ?? false;
      },
    },
    scheduler: {
      put: async (_, due) => {
        calls.push(`put ${due.toISOString().slice(0, 10)}`);
        return 'created';
      },
      remove: async () => void calls.push('remove'),
    },
    send: async () => void calls.push('send'),
    now: () => new Date('2026-11-22T12:00:00Z'),
    windowMinutes: 15,
  };
  return { calls, dependencies };
}
const planFor = (day: string): Plan => ({
  action: 'schedule',
  job_id: crypto.randomUUID(),
  due_at: `${day}T00:00:00.123456+00:00`,
  expires_at: '2027-01-01T00:00:00+00:00',
  scheduled_for: null,
  dispatched_at: null,
});

test('a track that changed behind a plan is planned again, and the schedule follows', async () => {
  const plans = [planFor('2026-12-01'), planFor('2026-12-02')];
  const { calls, dependencies } = scripted(plans, [false, true]);
  const result = await enqueueTrack('t', dependencies);
  assert.equal(result.dueAt, '2026-12-02T00:00:00.123Z');
  assert.deepEqual(calls, [
    'plan',
    'put 2026-12-01',
    'confirm schedule 2026-12-01',
    'plan',
    'put 2026-12-02',
    'confirm schedule 2026-12-02',
  ]);
});

test('a track that is deleted behind a plan loses the schedule that the plan made', async () => {
  const { calls, dependencies } = scripted([planFor('2026-12-01')], [false]);
  assert.equal((await enqueueTrack('t', dependencies)).action, 'cancelled');
  assert.equal(calls.at(-1), 'remove');
});

test('a track that never stops changing is given to the sweep after three rounds', async () => {
  const plans = [1, 2, 3, 4].map((day) => planFor(`2026-12-0${day}`));
  const { calls, dependencies } = scripted(plans, []);
  await assert.rejects(enqueueTrack('t', dependencies), /changed 3 times/);
  assert.equal(calls.filter((call) => call === 'plan').length, 3);
});
