import type { ArchiveQueue, QueueState } from '../adapters/queue.ts';
import type { LostTrackList, SignsOfLife } from '../adapters/supabase/lost-tracks.ts';
import type { LostTrack, UnscheduledTrack } from '../adapters/supabase/rows.ts';
import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import { ArchiveFailure, classify, retryableCodes } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { archiveMessage } from '../core/message.ts';
import { maxInFlight, maxReceiveCount, timings } from '../core/timings.ts';
import type { Budget } from './budget.ts';
import type { EnqueueResult, Recovery } from './enqueue-track.ts';

export interface SweepDependencies {
  lost: LostTrackList;
  readQueueState: () => Promise<QueueState>;
  /** When the schedule group was made. */
  schedulesSince: () => Promise<Date>;
  recover: (trackId: string, recovery: Recovery) => Promise<EnqueueResult>;
  queue: Pick<ArchiveQueue, 'bury'>;
  telemetry: Telemetry;
  /** Archive Lambdas at once. */
  archiveConcurrency: number;
  /** Minutes within which a schedule may fire late. */
  windowMinutes: number;
}

/** Tracks, by what became of them. */
export interface SweepResult {
  /** On the queue. */
  dispatched: number;
  /** With a schedule for a later date. */
  scheduled: number;
  /** Expired, and their owners told. */
  expired: number;
  /** Failed before their deadline, since their workers died over and over. */
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
/** Minutes that a schedule is given beyond its window before it counts as lost. */
const scheduleSlack = 15;

/**
 * Finds what a webhook, a schedule, the queue or a worker has lost and puts it back on its way, the most
 * urgent first, until nothing is left, the queue is full, or the time is used up. Two at once are
 * harmless: all that they could do twice is to send a message, and one claim decides. What one part of it cannot
 * do for an outage, the others do not wait for. Rejects at the end if anything failed.
 */
export async function sweep(dependencies: SweepDependencies, budget: Budget): Promise<SweepResult> {
  const { lost, telemetry } = dependencies;
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
  async function attempt<Answer>(
    what: string,
    run: () => Promise<Answer>,
  ): Promise<Answer | undefined> {
    try {
      return await run();
    } catch (error) {
      const failure = classify(error);
      telemetry.log.error(what, { code: failure.code, error: failure });
      result.failed += 1;
      return undefined;
    }
  }

  const backlog = await attempt('Backlog not counted', lost.backlog);
  if (backlog !== undefined) {
    telemetry.count('TracksDue', backlog.overdue);
    telemetry.count('TracksNearExpiry', backlog.near_expiry);
  }
  const [queue, schedulesSince] = await Promise.all([
    attempt('Queue not asked', dependencies.readQueueState),
    attempt('Scheduler not asked', dependencies.schedulesSince),
  ]);
  // Without an answer the queue has no room, and nothing counts as lost together with its queue or its group.
  const signs: SignsOfLife = {
    schedulesSince: schedulesSince ?? new Date(0),
    messagesSince: queue?.since ?? new Date(0),
    scheduleGrace: (dependencies.windowMinutes + scheduleSlack) * 60,
    silence: timings.silence,
    maxAttempts: maxReceiveCount,
    retryableCodes,
  };
  let room =
    queue === undefined ? 0 : maxInFlight(dependencies.archiveConcurrency) - queue.inFlight;

  async function mend(track: LostTrack): Promise<void> {
    if (track.action === 'close') {
      result[await close(track, dependencies)] += 1;
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
  await attempt('Dates not moved forward', async () => {
    while ((await lost.moveDatesForward(datesAtOnce)) === datesAtOnce && !budget.signal.aborted);
  });
  await workThrough<LostTrack>(
    (last) => lost.due(false, signs, pageSize, last),
    mend,
    () => room > 0,
  );
  await workThrough<LostTrack>((last) => lost.due(true, signs, pageSize, last), mend);
  await workThrough<UnscheduledTrack>(
    (last) => lost.unscheduled(signs, pageSize, last),
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
  dependencies: SweepDependencies,
): Promise<'dispatched' | 'scheduled' | 'ignored'> {
  const { telemetry } = dependencies;
  const reason = cause === 'requested' ? 'request' : 'sweep';
  const { action, dueAt } = await dependencies.recover(trackId, { reason });
  if (action === 'ignored' || action === 'cancelled') return 'ignored';
  telemetry.log.warn('Track recovered', { action, dueAt });
  return action === 'enqueued' ? 'dispatched' : 'scheduled';
}

async function close(
  { track_id: trackId, cause, expires_at: expiresAt }: LostTrack,
  { lost, queue, telemetry }: SweepDependencies,
): Promise<'expired' | 'abandoned' | 'ignored'> {
  const failure =
    cause === 'workers_died'
      ? new ArchiveFailure('worker_lost', `Its workers died ${maxReceiveCount} times`)
      : new ArchiveFailure('expired', `Its deadline was ${expiresAt}`);
  let closing = await lost.close(trackId, failure, false);
  if (closing === 'ignored') return 'ignored';
  const { code, message: reason } = failure;
  telemetry.log.error('Track failed', { code, reason, closing });
  // One that had failed before lies in the dead-letter queue already.
  if (closing === 'closed') {
    await queue.bury(archiveMessage(trackId, 'sweep'), { code, reason, trackId });
    telemetry.count('TracksFailed');
    closing = await lost.close(trackId, failure, true);
  }
  return closing === 'expired' ? 'expired' : 'abandoned';
}
