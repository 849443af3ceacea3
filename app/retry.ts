import { setTimeout as sleep } from 'node:timers/promises';
import type { Telemetry } from '../adapters/telemetry.ts';
import { classify } from '../core/failure.ts';
import { nextTryDelay, type RetryClock } from '../core/retry.ts';
import type { Budget } from './budget.ts';

export type RetrySettings = Pick<RetryClock, 'random' | 'baseDelay'>;

/** Runs a step until it succeeds, fails for good, or the tries end; throws the last failure, an ArchiveFailure. */
export type RunStep = <Result>(step: (attempt: number) => Promise<Result>) => Promise<Result>;

/** The retry policy, within a budget. The one place that retries inside an invocation. */
export const withRetries =
  (settings: RetrySettings, budget: Budget, { log }: Pick<Telemetry, 'log'>): RunStep =>
  async (step) => {
    for (let attempt = 1; ; attempt++) {
      try {
        budget.signal.throwIfAborted();
        return await step(attempt);
      } catch (error) {
        const failure = classify(error);
        const { code, message: reason } = failure;
        const clock = { ...settings, remaining: budget.remaining };
        const delay = nextTryDelay(failure, attempt, clock);
        if (delay === undefined) throw failure;
        log.info('Trying again', { code, attempt, delay, reason });
        await sleep(delay, undefined, { signal: budget.signal }).catch(() => {
          throw classify(budget.signal.reason);
        });
      }
    }
  };
