import type { ArchiveQueue } from '../adapters/queue.ts';
import type { Claim } from '../adapters/supabase/rows.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { parseArchiveMessage } from '../core/message.ts';
import { redeliveryDelay } from '../core/retry.ts';
import { maxReceiveCount, timings } from '../core/timings.ts';
import { type ArchiveDependencies, archiveTrack } from './archive-track.ts';
import type { Budget } from './budget.ts';

export interface Delivery {
  body: string;
  /** Receives of this message, this one included. */
  received: number;
}

/** What becomes of one message. */
export type Settlement =
  /** Deleted from the queue. */
  | { action: 'acknowledge' }
  /** Delivered again after so many seconds; undefined: the queue's usual delay. */
  | { action: 'retry'; seconds?: number };

export interface SettleDependencies extends ArchiveDependencies {
  queue: Pick<ArchiveQueue, 'sendToDeadLetterQueue'>;
  now: () => Date;
}

/** Seconds until the new files of a track whose addresses changed are copied. */
const supersededDelay = 5;

/** Archives the track of one message and decides what becomes of the message; what it throws means a retry. */
export async function settleMessage(
  delivery: Delivery,
  dependencies: SettleDependencies,
  budget: Budget,
): Promise<Settlement> {
  const { queue, telemetry } = dependencies;
  const message = parseArchiveMessage(delivery.body);
  if (message === undefined) {
    const invalid = new ArchiveFailure('message_invalid', 'The message is not one of ours');
    const { code, message: reason } = invalid;
    telemetry.log.error('Message refused', { code });
    telemetry.count('MessagesInvalid');
    await queue.sendToDeadLetterQueue(delivery.body, { code, reason });
    return { action: 'acknowledge' };
  }
  const { trackId, reason } = message;
  return await withLogFields({ trackId, origin: reason }, async () => {
    const result = await archiveTrack(trackId, dependencies, budget);
    telemetry.log.info('Track done', {
      outcome: result.outcome,
      ...(result.outcome === 'skipped' ? { skipped: result.reason } : {}),
    });
    if (result.outcome === 'skipped' && result.reason === 'busy' && delivery.received > 1) {
      // The lease may be what an earlier, crashed delivery of this very message left behind.
      return { action: 'retry', seconds: timings.crashRedelivery };
    }
    if (result.outcome !== 'failed') return { action: 'acknowledge' };
    return await settleFailure(delivery, trackId, result, dependencies);
  });
}

async function settleFailure(
  { body, received }: Delivery,
  trackId: string,
  { claim, failure }: { claim: Claim; failure: ArchiveFailure },
  dependencies: SettleDependencies,
): Promise<Settlement> {
  const { queue, telemetry, now } = dependencies;
  const { code, message: reason } = failure;
  const sendToDeadLetterQueue = () => queue.sendToDeadLetterQueue(body, { code, reason, trackId });
  if (code === 'superseded') {
    if (received < maxReceiveCount) return { action: 'retry', seconds: supersededDelay };
    // SQS would move it there without a word, and the job says pending: the sweep goes on with it.
    await sendToDeadLetterQueue();
    return { action: 'acknowledge' };
  }
  const givesUp = failure.disposition === 'give-up';
  const isFinal = givesUp || received >= maxReceiveCount;

  const isHeld = await report(claim, failure, isFinal, dependencies);
  if (isHeld === undefined) return { action: 'retry', seconds: timings.crashRedelivery };
  if (!isHeld) return { action: 'acknowledge' };
  if (isFinal) {
    telemetry.log.error('Track failed', { code, reason, received });
    telemetry.count('TracksFailed');
    // Visible at once: SQS moves it to the dead-letter queue when it is received once more.
    if (!givesUp) return { action: 'retry', seconds: 0 };
    await sendToDeadLetterQueue();
    return { action: 'acknowledge' };
  }
  const seconds = secondsUntilRetry(received, failure, claim.expires_at, now());
  telemetry.log.warn('Track released', { code, reason, received, seconds });
  telemetry.count('TracksRetried');
  return { action: 'retry', seconds };
}

/**
 * Fails or releases the job. False: the lease is lost, the track is another worker's. Undefined: the
 * database did not take it, and until the lease ends any delivery would find the track busy.
 */
async function report(
  claim: Claim,
  failure: ArchiveFailure,
  isFinal: boolean,
  { supabase, telemetry }: SettleDependencies,
): Promise<boolean | undefined> {
  try {
    const { tracks } = await supabase();
    return await (isFinal ? tracks.fail(claim, failure) : tracks.release(claim, failure));
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
