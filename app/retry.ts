import { setTimeout as sleep } from 'node:timers/promises';
import { type ArchiveFailure, classify } from '../core/failure.ts';
import { nextTryDelay, type RetryClock } from '../core/retry.ts';
import type { Budget } from './budget.ts';

export interface Ladder extends Pick<RetryClock, 'random' | 'baseDelay'> {
  onRetry: (failure: ArchiveFailure, attempt: number, delay: number) => void;
}

/**
 * Runs `operation` until it succeeds, fails for good, or the ladder ends; throws the last failure,
 * always a member of the closed set. The one place that retries inside an invocation.
 */
export async function retrying<Result>(
  operation: () => Promise<Result>,
  ladder: Ladder,
  budget: Budget,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      budget.signal.throwIfAborted();
      return await operation();
    } catch (error) {
      const failure = classify(error);
      const delay = nextTryDelay(failure, attempt, { ...ladder, remaining: budget.remaining });
      if (delay === undefined) throw failure;
      ladder.onRetry(failure, attempt, delay);
      await sleep(delay, undefined, { signal: budget.signal }).catch(() => {
        throw classify(budget.signal.reason);
      });
    }
  }
}
