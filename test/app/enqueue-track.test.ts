import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Plan } from '../../adapters/supabase/rows.ts';
import { type EnqueueDependencies, enqueueTrack } from '../../app/enqueue-track.ts';

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
  queued_at: null,
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
