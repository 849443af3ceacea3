import type { StalledTrack } from '../adapters/supabase/rows.ts';
import type { Storage } from '../adapters/supabase/storage.ts';
import type { SweepRecord } from '../adapters/supabase/sweep-record.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { ArchiveFailure, classify } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { archiveMessage } from '../core/message.ts';
import { maxInFlight, maxReceiveCount } from '../core/timings.ts';
import type { Budget } from './budget.ts';
import { type EnqueueDependencies, enqueueTrack } from './enqueue-track.ts';
import { type FailDependencies, failTrack } from './fail-track.ts';
import { type LetterDependencies, removeSettledLetters } from './remove-settled-letters.ts';

export interface SweepDependencies extends FailDependencies {
  record: SweepRecord;
  storage: Pick<Storage, 'remove'>;
  enqueue: EnqueueDependencies;
  letters: LetterDependencies;
  /** Messages on the archive queue. */
  readInFlight: () => Promise<number>;
  /** Archive Lambdas at once. */
  archiveConcurrency: number;
}

/** Tracks, by what became of them. */
export interface SweepResult {
  /** On the queue. */
  dispatched: number;
  /** With a schedule for a later date. */
  scheduled: number;
  /** With their audio stored, and without a cover or video that could not be had in time. */
  archived: number;
  /** Expired, and their owners notified. */
  expired: number;
  /** Failed before their deadline, since their workers crashed over and over. */
  abandoned: number;
  /** Already on their way when it came to them. */
  ignored: number;
  /** Not reached, for want of time; the next sweep begins with them. */
  postponed: number;
  /** Errors, of tracks and of what the sweep asks for; each is logged. */
  failed: number;
}

/** Jobs taken at once, rows looked at by one statement, and tracks or objects worked on at once. */
const pageSize = 500;
const rowsAtOnce = 500;
const concurrency = 10;
/** Statements of each walk in one sweep: the recorded files of a million tracks are looked at within a day. */
const auditsAtOnce = 96;

/**
 * Takes the jobs that showed no progress in time and puts them back on their way, fairly round their owners, until
 * nothing is left, the queue is full, or the time is used up. Then it looks after the archive itself. Two sweeps at
 * once are harmless: each takes other jobs, and one claim decides. What one step cannot do for an outage, the
 * others do not wait for. Rejects at the end if anything failed.
 */
export async function sweep(dependencies: SweepDependencies, budget: Budget): Promise<SweepResult> {
  const { record, storage, telemetry } = dependencies;
  const result: SweepResult = {
    dispatched: 0,
    scheduled: 0,
    archived: 0,
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
  /** Runs one bounded step over and over while it found a full page and there is time. */
  const walk = (what: string, step: (limit: number) => Promise<number>, most = Infinity) =>
    attempt(what, async () => {
      for (let times = 1; times <= most && !budget.signal.aborted; times += 1) {
        if ((await step(rowsAtOnce)) < rowsAtOnce) return;
      }
    });

  const backlog = await attempt('Backlog not counted', record.backlog);
  if (backlog !== undefined) {
    telemetry.count('TracksDue', backlog.overdue);
    telemetry.count('TracksNearExpiry', backlog.near_expiry);
  }
  // Before the jobs are taken, which go by what these find.
  await walk('Deadlines not refreshed', record.refreshDeadlines);
  await walk('Tracks not adopted', async (limit) => (await record.adopt(limit)).looked);
  await walk('Jobs not opened', record.openMissingJobs);

  const inFlight = await attempt('Queue not asked', dependencies.readInFlight);
  // A queue that cannot be asked has no room.
  const room =
    inFlight === undefined
      ? 0
      : Math.max(0, maxInFlight(dependencies.archiveConcurrency) - inFlight);
  let page: StalledTrack[];
  do {
    page =
      (await attempt('Tracks not taken', () =>
        record.takeStalled(pageSize, room - result.dispatched),
      )) ?? [];
    await forEachBounded(page, concurrency, (track) =>
      withLogFields({ trackId: track.track_id, cause: track.cause }, async () => {
        if (budget.signal.aborted) {
          result.postponed += 1;
          return;
        }
        const outcome = await attempt('Track not recovered', () => recover(track, dependencies));
        if (outcome !== undefined) result[outcome] += 1;
      }),
    );
  } while (page.length > 0 && !budget.signal.aborted);

  const lettersRemoved = await attempt('Dead letters not looked at', () =>
    removeSettledLetters(dependencies.letters, budget.signal),
  );

  let lost = 0;
  const audit = async (limit: number) => {
    const audited = await record.audit(limit);
    lost += audited.lost;
    return audited.looked;
  };
  await walk('Stored files not audited', audit, auditsAtOnce);
  await attempt('Leftovers not removed', async () => {
    await forEachBounded(await record.removableObjects(pageSize), concurrency, async (place) => {
      if (!(await record.isRemovable(place))) return;
      await storage.remove(place, budget.signal);
      await record.forgetLeftover(place);
    });
  });
  await attempt('Counts not added up', record.compactCounts);

  telemetry.count('TracksRecovered', result.dispatched + result.scheduled);
  telemetry.count('TracksExpired', result.expired);
  telemetry.count('FilesLost', lost);
  telemetry.log.info('Sweep done', { ...result, ...backlog, lost, lettersRemoved, room });
  if (result.failed > 0) throw new Error(`The sweep met ${result.failed} errors; the log has each`);
  return result;
}

async function recover(
  { track_id: trackId, action, cause, expires_at: expiresAt }: StalledTrack,
  dependencies: SweepDependencies,
): Promise<Exclude<keyof SweepResult, 'postponed' | 'failed'>> {
  const { record, enqueue, telemetry } = dependencies;
  if (action === 'close' || action === 'archive') {
    const isExpired = cause === 'expired';
    const failure = isExpired
      ? new ArchiveFailure('expired', `Its deadline was ${expiresAt}`)
      : new ArchiveFailure('worker_crashed', `Its workers crashed ${maxReceiveCount} times`);
    if (action === 'archive') {
      if (!(await record.archiveWithoutOptional(trackId, failure))) return 'ignored';
      telemetry.log.info('Track archived without an optional file', { code: failure.code });
      telemetry.count('TracksArchived');
      return 'archived';
    }
    const close = () => record.close(trackId, failure);
    const body = archiveMessage(trackId, 'sweep');
    if (!(await failTrack({ trackId, body }, failure, close, dependencies))) return 'ignored';
    return isExpired ? 'expired' : 'abandoned';
  }
  const reason = cause === 'requested' ? 'request' : 'sweep';
  const enqueued = await enqueueTrack(trackId, enqueue, { reason });
  if (enqueued.action === 'ignored' || enqueued.action === 'cancelled') return 'ignored';
  telemetry.log.warn('Track recovered', { action: enqueued.action, dueAt: enqueued.dueAt });
  return enqueued.action === 'enqueued' ? 'dispatched' : 'scheduled';
}
