import type { ArchiveQueue } from '../adapters/queue.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { type ArchiveMessage, parseArchiveMessage } from '../core/message.ts';
import { redeliveryDelay, refusalReceives } from '../core/retry.ts';
import { maxReceiveCount, timings } from '../core/timings.ts';
import { type ArchiveDependencies, archiveTrack, type FailedTrack } from './archive-track.ts';
import type { Budget } from './budget.ts';
import { failTrack } from './fail-track.ts';
import { waitForSecondLook } from './second-look.ts';

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

/** Seconds between two deliveries at least: a provider that said no is not asked for another sooner. */
const shortestWait = 30;

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
    return await settleFailure(delivery, message, result, dependencies);
  });
}

async function settleFailure(
  { body, received }: Delivery,
  { trackId, reason: origin }: ArchiveMessage,
  result: FailedTrack,
  dependencies: SettleDependencies,
): Promise<Settlement> {
  const { supabase, telemetry, now } = dependencies;
  const { claim, failure } = result;
  const { tracks } = await supabase();
  const receives =
    failure.disposition === 'ask-again'
      ? refusalReceives(origin === 'sweep' && !result.isAudioSafe)
      : maxReceiveCount;
  const isLast = received >= receives;
  // The job is pending again, and the sweep goes on with it if this was the last delivery.
  if (failure.code === 'superseded') {
    return isLast ? { action: 'acknowledge' } : { action: 'retry', seconds: supersededDelay };
  }
  try {
    if (await waitForSecondLook(result, tracks, telemetry, now())) return { action: 'acknowledge' };
    if (failure.disposition === 'ask-again' && isLast) {
      // The sweep asks again; when the time is up it sends the one dead letter and closes the job.
      if (await tracks.fail(claim, failure, false)) {
        const { code, message: reason } = failure;
        telemetry.log.warn('Track left to the sweep', { code, reason, received });
        telemetry.count('TracksRetried');
      }
      return { action: 'acknowledge' };
    }
    if (failure.disposition === 'give-up' || isLast) {
      const record = () => tracks.fail(claim, failure);
      await failTrack({ trackId, body }, failure, record, dependencies);
      return { action: 'acknowledge' };
    }
    const seconds = secondsUntilRetry(received, failure, claim.expires_at, now());
    if (!(await tracks.release(claim, failure, seconds))) return { action: 'acknowledge' };
    const { code, message: reason } = failure;
    telemetry.log.warn('Track released', { code, reason, received, seconds });
    telemetry.count('TracksRetried');
    return { action: 'retry', seconds };
  } catch (error) {
    // Until the lease ends any delivery would find the track busy.
    telemetry.log.error('Could not report a failed track', { code: failure.code, error });
    return { action: 'retry', seconds: timings.crashRedelivery };
  }
}

/** The usual delay, but not past half of the time that is left until the files expire. */
function secondsUntilRetry(
  received: number,
  failure: ArchiveFailure,
  expiresAt: string | null,
  now: Date,
): number {
  const delay = redeliveryDelay(received, failure.retryAfter);
  if (expiresAt === null) return delay;
  const left = (Date.parse(expiresAt) - now.getTime()) / 1000;
  return left <= 0 ? delay : Math.min(delay, Math.max(shortestWait, Math.ceil(left / 2)));
}
