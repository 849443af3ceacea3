import type { QueueState } from '../adapters/queue.ts';
import type { StalledTrack, UnscheduledTrack } from '../adapters/supabase/rows.ts';
import type { StallCriteria } from '../adapters/supabase/stalled-tracks.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { classify, retryableCodes } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { maxInFlight, maxReceiveCount, timings } from '../core/timings.ts';
import type { Budget } from './budget.ts';
import { type CloseDependencies, closeTrack } from './close-track.ts';
import { type EnqueueDependencies, enqueueTrack } from './enqueue-track.ts';

export interface SweepDependencies extends CloseDependencies {
  enqueue: EnqueueDependencies;
  readQueueState: () => Promise<QueueState>;
  /** When the schedule group was made. */
  schedulesSince: () => Promise<Date>;
  /** Archive Lambdas at once. */
  archiveConcurrency: number;
}

/** Tracks, by what became of them. */
export interface SweepResult {
  /** On the queue. */
  dispatched: number;
  /** With a schedule for a later date. */
  scheduled: number;
  /** Expired, and their owners notified. */
  expired: number;
  /** Failed before their deadline, since their workers crashed over and over. */
  abandoned: number;
  /** Already on their way when it came to them. */
  ignored: number;
  /** Not reached, for want of time or of room on the queue; the next sweep begins with them. */
  postponed: number;
  /** Errors, of tracks and of what the sweep asks for; each is logged. */
  failed: number;
}

/** Tracks that the database is asked for at once, those given another date at once, and those worked on at once. */
const pageSize = 500;
const datesAtOnce = 2000;
const concurrency = 10;
/** Minutes that a schedule is given beyond its window before its track counts as stalled. */
const scheduleSlack = 15;

/**
 * Finds the tracks that are stalled, expired or without a schedule and puts them back on their way, the most
 * urgent first, until nothing is left, the queue is full, or the time is used up. Two sweeps at once are
 * harmless: all that they could do twice is to send a message, and one claim decides. What one part of it cannot
 * do for an outage, the others do not wait for. Rejects at the end if anything failed.
 */
export async function sweep(dependencies: SweepDependencies, budget: Budget): Promise<SweepResult> {
  const { stalled, telemetry } = dependencies;
  const result: SweepResult = {
    dispatched: 0,
    scheduled: 0,
    expired: 0,
    abandoned: 0,
    ignored: 0,
    postponed: 0,
    failed: 0,
  };

  /** Undefined: it failed, which is logged and counted. */
  async function attempt<Result>(
    what: string,
    run: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await run();
    } catch (error) {
      const failure = classify(error);
      telemetry.log.error(what, { code: failure.code, error: failure });
      result.failed += 1;
      return undefined;
    }
  }

  const backlog = await attempt('Backlog not counted', stalled.backlog);
  if (backlog !== undefined) {
    telemetry.count('TracksDue', backlog.overdue);
    telemetry.count('TracksNearExpiry', backlog.near_expiry);
  }
  const [queue, schedulesSince] = await Promise.all([
    attempt('Queue not asked', dependencies.readQueueState),
    attempt('Scheduler not asked', dependencies.schedulesSince),
  ]);
  // Where the queue cannot be asked it has no room, and nothing counts as gone together with its queue or its group.
  const criteria: StallCriteria = {
    schedulesSince: schedulesSince ?? new Date(0),
    messagesSince: queue?.since ?? new Date(0),
    scheduleGrace: (dependencies.enqueue.windowMinutes + scheduleSlack) * 60,
    stallTimeout: timings.stallTimeout,
    maxAttempts: maxReceiveCount,
    retryableCodes,
  };
  let room =
    queue === undefined ? 0 : maxInFlight(dependencies.archiveConcurrency) - queue.inFlight;

  async function act(track: StalledTrack): Promise<void> {
    if (track.action === 'close') {
      result[await closeTrack(track, dependencies)] += 1;
    } else if (track.action === 'dispatch' && room-- <= 0) {
      result.postponed += 1;
    } else {
      result[await recover(track.track_id, track.cause, dependencies)] += 1;
    }
  }

  /** Works through a list in pages while there is time; what fails does not hold up the rest. */
  async function workThrough<Track extends { track_id: string; cause: string }>(
    read: (last: Track | undefined) => Promise<Track[]>,
    work: (track: Track) => Promise<void>,
    goesOn: () => boolean = () => true,
  ): Promise<void> {
    let last: Track | undefined;
    do {
      const page = (await attempt('Tracks not listed', () => read(last))) ?? [];
      last = page.length < pageSize ? undefined : page.at(-1);
      await forEachBounded(page, concurrency, (track) =>
        withLogFields({ trackId: track.track_id, cause: track.cause }, async () => {
          if (budget.signal.aborted) {
            result.postponed += 1;
            return;
          }
          await attempt('Track not recovered', () => work(track));
        }),
      );
    } while (last !== undefined && !budget.signal.aborted && goesOn());
  }

  // Before the lists, which go by these dates.
  await attempt('Due dates not advanced', async () => {
    while ((await stalled.advanceDueDates(datesAtOnce)) === datesAtOnce && !budget.signal.aborted);
  });
  await workThrough<StalledTrack>(
    (last) => stalled.due(false, criteria, pageSize, last),
    act,
    () => room > 0,
  );
  await workThrough<StalledTrack>((last) => stalled.due(true, criteria, pageSize, last), act);
  await workThrough<UnscheduledTrack>(
    (last) => stalled.unscheduled(criteria, pageSize, last),
    async ({ track_id, cause }) => {
      result[await recover(track_id, cause, dependencies)] += 1;
    },
  );

  telemetry.count('TracksRecovered', result.dispatched + result.scheduled);
  telemetry.count('TracksExpired', result.expired);
  telemetry.log.info('Sweep done', { ...result, ...backlog, room: Math.max(0, room) });
  if (result.failed > 0) throw new Error(`The sweep met ${result.failed} errors; the log has each`);
  return result;
}

async function recover(
  trackId: string,
  cause: string,
  { enqueue, telemetry }: SweepDependencies,
): Promise<'dispatched' | 'scheduled' | 'ignored'> {
  const reason = cause === 'requested' ? 'request' : 'sweep';
  const { action, dueAt } = await enqueueTrack(trackId, enqueue, { reason });
  if (action === 'ignored' || action === 'cancelled') return 'ignored';
  telemetry.log.warn('Track recovered', { action, dueAt });
  return action === 'enqueued' ? 'dispatched' : 'scheduled';
}
