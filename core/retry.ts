import type { ArchiveFailure } from './failure.ts';

/** Tries of one asset inside one invocation, the first included. */
export const maxTries = 3;

/**
 * Milliseconds that an invocation waits at most between two tries: the messages of its whole batch wait
 * with it. A longer Retry-After is the queue's to wait for.
 */
const longestWait = 60_000;

export interface RetryClock {
  /** Milliseconds of work left in this invocation. */
  remaining: () => number;
  /** A number in [0, 1). */
  random: () => number;
  /** Base delay in milliseconds: the wait after try n is n times this, with jitter. */
  baseDelay: number;
}

/**
 * Milliseconds to wait after the failed try number `attempt` (from 1), or undefined to stop trying here:
 * the failure is final, the tries are used up, or the wait is too long for an invocation or for the time that is left.
 * Retry-After is a lower bound. Jitter only lengthens, by up to a fifth.
 */
export function nextTryDelay(
  failure: ArchiveFailure,
  attempt: number,
  clock: RetryClock,
): number | undefined {
  if (failure.disposition !== 'retry' || attempt >= maxTries) return undefined;
  const backoff = clock.baseDelay * attempt * (1 + clock.random() / 5);
  const delay = Math.max(backoff, (failure.retryAfter ?? 0) * 1000);
  return delay <= longestWait && delay < clock.remaining() ? delay : undefined;
}

/**
 * Seconds until SQS should deliver a failed message again, after its receive number `receiveCount`
 * (from 1): 1, 2, 4, 8 … minutes, at most 15 (a provider may keep files for one hour only);
 * Retry-After is a lower bound, up to an hour.
 */
export function redeliveryDelay(receiveCount: number, retryAfter: number | undefined): number {
  const backoff = Math.min(60 * 2 ** (receiveCount - 1), 900);
  return Math.max(backoff, Math.min(Math.ceil(retryAfter ?? 0), 3600));
}

/**
 * Receives of one message within which a provider that says no is asked, once each. The sweep's own messages have one:
 * the sweep comes back.
 */
export const refusalReceives = (isFromSweep: boolean): number => (isFromSweep ? 1 : 2);

/** Requests after the first, at the most, that the sweep makes for a file until its expiry; archiver.retry_at spaces them. */
export const sweepTries = 8;

const hour = 3600;

/** Seconds before the expiry within which the queue, not the sweep, brings a second look. */
export const secondLookRoom = 2 * hour;

/**
 * Seconds until a cover or video that the provider refused is asked for again: an eighth of what is left, from an hour
 * to six. The song is safe meanwhile.
 */
export function secondLookDelay(secondsLeft: number): number {
  return Math.ceil(Math.min(6 * hour, Math.max(hour, secondsLeft / 8)));
}

/** Seconds to wait according to a Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date). */
export function parseRetryAfter(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now.getTime()) / 1000);
}
