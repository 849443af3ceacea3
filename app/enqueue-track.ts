import type { SendTrack } from '../adapters/queue.ts';
import type { Scheduler } from '../adapters/scheduler.ts';
import type { Plan } from '../adapters/supabase/rows.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import { isDueNow, scheduleWindow } from '../core/schedule.ts';

export interface EnqueueDependencies {
  tracks: Pick<Tracks, 'plan' | 'confirmSchedule'>;
  scheduler: Pick<Scheduler, 'put' | 'remove'>;
  send: SendTrack;
  now: () => Date;
  /** Minutes within which a schedule may fire late. */
  windowMinutes: number;
}

/** What a stalled track needs, and a webhook does not: a message although one was sent before. */
export interface Recovery {
  reason: 'sweep' | 'request';
}

export interface EnqueueResult {
  action: 'scheduled' | 'enqueued' | 'rescheduled' | 'cancelled' | 'ignored';
  trackId: string;
  dueAt?: string;
  reason?: string;
}

/** Plans made again when the track changed between plan and confirmation. */
const maxRounds = 3;

/**
 * Brings a track's schedule in line with what the database says now. The webhook's own content plays
 * no part, so webhooks may come twice, late and in any order: the last confirmation that the database
 * accepts was planned on the track as it is.
 */
export async function enqueueTrack(
  trackId: string,
  dependencies: EnqueueDependencies,
  recovery?: Recovery,
): Promise<EnqueueResult> {
  const { tracks, scheduler } = dependencies;
  for (let round = 1; round <= maxRounds; round++) {
    const plan = await tracks.plan(trackId, recovery !== undefined);
    if (plan.action === 'ignore') return { action: 'ignored', trackId, reason: plan.reason };
    if (plan.action === 'cancel') {
      await scheduler.remove(trackId);
      return { action: 'cancelled', trackId, reason: plan.reason };
    }
    const result = await carryOut(trackId, plan, dependencies, recovery);
    if (result !== undefined) return result;
  }
  throw new Error(`Track ${trackId} changed ${maxRounds} times while it was being scheduled`);
}

/** Undefined: the track changed in the meantime. */
async function carryOut(
  trackId: string,
  plan: Extract<Plan, { action: 'schedule' }>,
  { tracks, scheduler, send, now, windowMinutes }: EnqueueDependencies,
  recovery: Recovery | undefined,
): Promise<EnqueueResult | undefined> {
  const due = new Date(plan.due_at);
  const dueAt = due.toISOString();
  if (isDueNow(due, now())) {
    if (plan.queued_at !== null && recovery === undefined) {
      return { action: 'ignored', trackId, dueAt, reason: 'already_enqueued' };
    }
    await send(trackId, recovery?.reason ?? 'schedule');
    if (plan.scheduled_for !== null) await scheduler.remove(trackId);
    const confirmed = await tracks.confirmSchedule(plan.job_id, plan.due_at, 'queue');
    return confirmed ? { action: 'enqueued', trackId, dueAt } : undefined;
  }
  const window = scheduleWindow(due, new Date(plan.expires_at), windowMinutes);
  await scheduler.put(trackId, due, window);
  const confirmed = await tracks.confirmSchedule(plan.job_id, plan.due_at, 'schedule');
  if (!confirmed) return undefined;
  const moved =
    plan.scheduled_for !== null && Date.parse(plan.scheduled_for) !== Date.parse(plan.due_at);
  return { action: moved ? 'rescheduled' : 'scheduled', trackId, dueAt };
}
