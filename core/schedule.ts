import { timings } from './timings.ts';

/** `track-{track_id}`: one schedule a track, so creating it twice is a conflict and never a second one. */
export const scheduleName = (trackId: string): string => `track-${trackId}`;

/** The track of one of our schedules' ARN, `…:schedule/{group}/track-{track_id}`; undefined for any other. */
export const trackIdOfSchedule = (arn: string): string | undefined =>
  /:schedule\/[^/]+\/track-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(arn)?.[1];

/** An EventBridge Scheduler one-time expression in UTC, e.g. `at(2026-12-05T03:04:05)`. */
export const atExpression = (due: Date): string => `at(${due.toISOString().slice(0, 19)})`;

/** Due in the past or sooner than EventBridge Scheduler's precision: straight to the queue. */
export const isDueNow = (due: Date, now: Date): boolean =>
  due.getTime() - now.getTime() <= timings.scheduleMinimumLead * 1000;

/**
 * Minutes within which the scheduler may fire after `due`; 0 for exactly then. At most `maximum`, and at
 * most a quarter of the time left until the files expire, so that retries still fit in.
 */
export function scheduleWindow(due: Date, expires: Date, maximum: number): number {
  const left = Math.floor((expires.getTime() - due.getTime()) / 60_000 / 4);
  return Math.max(0, Math.min(maximum, left));
}
