import { timings } from './timings.ts';

/** `track-{track_id}`: one schedule a track, so creating it twice is a conflict and never a second one. */
export const scheduleName = (trackId: string): string => `track-${trackId}`;

/** An EventBridge Scheduler one-time expression in UTC, e.g. `at(2026-12-05T03:04:05)`. */
export const atExpression = (due: Date): string => `at(${due.toISOString().slice(0, 19)})`;

/** Due in the past or sooner than EventBridge Scheduler's precision: straight to the queue. */
export const isDueNow = (due: Date, now: Date): boolean =>
  due.getTime() - now.getTime() <= timings.scheduleMinimumLead * 1000;
