import type { SQSRecord } from 'aws-lambda';
import type { ArchiveQueue } from '../adapters/queue.ts';
import type { Claim } from '../adapters/supabase/rows.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { parseArchiveMessage } from '../core/message.ts';
import { redeliveryDelay } from '../core/retry.ts';
import { maxReceiveCount, timings } from '../core/timings.ts';
import type { TrackOutcome } from './archive-track.ts';
import { type Fate, receiveCount } from './process-batch.ts';

export interface SettleDependencies {
  archive: (trackId: string) => Promise<TrackOutcome>;
  tracks: () => Promise<Pick<Tracks, 'fail' | 'release'>>;
  queue: Pick<ArchiveQueue, 'bury'>;
  telemetry: Telemetry;
  now: () => Date;
}

/** Seconds until the new files of a track whose addresses changed are copied. */
const supersededDelay = 5;

/** Archives the track of one message and decides what becomes of the message. */
export async function settleMessage(
  record: SQSRecord,
  dependencies: SettleDependencies,
): Promise<Fate> {
  const message = parseArchiveMessage(record.body);
  if (message === undefined) {
    const invalid = new ArchiveFailure('message_invalid', 'The message is not one of ours');
    dependencies.telemetry.log.error('Message refused', { code: invalid.code });
    dependencies.telemetry.count('MessagesInvalid');
    await bury(record, invalid, undefined, dependencies);
    return { fate: 'done' };
  }
  const { trackId, reason } = message;
  return await withLogFields({ trackId, origin: reason }, async () => {
    const result = await dependencies.archive(trackId);
    dependencies.telemetry.log.info('Track done', {
      outcome: result.outcome,
      ...(result.outcome === 'skipped' ? { skipped: result.reason } : {}),
    });
    if (result.outcome === 'skipped' && result.reason === 'busy' && receiveCount(record) > 1) {
      // The lease may be what an earlier, crashed delivery of this very message left behind.
      return { fate: 'again', seconds: timings.crashRedelivery };
    }
    if (result.outcome !== 'failed') return { fate: 'done' };
    return await settleFailure(record, trackId, result.claim, result.failure, dependencies);
  });
}

async function settleFailure(
  record: SQSRecord,
  trackId: string,
  claim: Claim,
  failure: ArchiveFailure,
  dependencies: SettleDependencies,
): Promise<Fate> {
  const { telemetry, now } = dependencies;
  const received = receiveCount(record);
  if (failure.code === 'superseded') {
    if (received < maxReceiveCount) return { fate: 'again', seconds: supersededDelay };
    // SQS would move it there without a word, and the job says pending: the sweep goes on with it.
    await bury(record, failure, trackId, dependencies);
    return { fate: 'done' };
  }
  const givesUp = failure.disposition === 'give-up';
  const final = givesUp || received >= maxReceiveCount;
  const details = { code: failure.code, reason: failure.message, received };

  const held = await report(claim, failure, final, dependencies);
  if (held === undefined) return { fate: 'again', seconds: timings.crashRedelivery };
  if (!held) return { fate: 'done' };
  if (final) {
    telemetry.log.error('Track failed', details);
    telemetry.count('TracksFailed');
    // Visible at once: SQS moves it to the dead-letter queue when it is received once more.
    if (!givesUp) return { fate: 'again', seconds: 0 };
    await bury(record, failure, trackId, dependencies);
    return { fate: 'done' };
  }
  const seconds = secondsUntilRetry(received, failure, claim.expires_at, now());
  telemetry.log.warn('Track released', { ...details, seconds });
  telemetry.count('TracksRetried');
  return { fate: 'again', seconds };
}

/**
 * Fails or releases the job. False: the lease is lost, the track is another worker's. Undefined: the
 * database did not take it, and until the lease ends any delivery would find the track busy.
 */
async function report(
  claim: Claim,
  failure: ArchiveFailure,
  final: boolean,
  { tracks, telemetry }: SettleDependencies,
): Promise<boolean | undefined> {
  try {
    const database = await tracks();
    return await (final ? database.fail(claim, failure) : database.release(claim, failure));
  } catch (error) {
    telemetry.log.error('Could not report a failed track', { code: failure.code, error });
    return undefined;
  }
}

/** The usual delay, but never past half of the time that is left until the files expire. */
function secondsUntilRetry(
  received: number,
  failure: ArchiveFailure,
  expiresAt: string | null,
  now: Date,
): number {
  const delay = redeliveryDelay(received, failure.retryAfter);
  if (expiresAt === null) return delay;
  const left = (Date.parse(expiresAt) - now.getTime()) / 1000;
  return left <= 0 ? delay : Math.min(delay, Math.ceil(left / 2));
}

const bury = (
  record: SQSRecord,
  failure: ArchiveFailure,
  trackId: string | undefined,
  { queue }: SettleDependencies,
): Promise<void> =>
  queue.bury(record.body, { code: failure.code, reason: failure.message, trackId });
