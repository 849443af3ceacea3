import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { type MetricName, metricNamespace, metricUnits } from '../core/metrics.ts';

export type LogFields = Record<string, unknown>;

/** JSON lines; fields of the surrounding `withLogFields` stand in each. Errors go under `error`. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface Telemetry {
  log: Log;
  count(metric: MetricName, value?: number): void;
  /** Gives the lines of one invocation its request id, and writes its metrics at the end. */
  invocation<Result>(context: Context, run: () => Promise<Result>): Promise<Result>;
}

const fieldsOfTask = new AsyncLocalStorage<LogFields>();

/**
 * Runs `task` with `fields` on each of its log lines. Kept per asynchronous task and not in the logger,
 * since the records of a batch are worked on at the same time.
 */
export const withLogFields = <Result>(fields: LogFields, task: () => Result): Result =>
  fieldsOfTask.run({ ...fieldsOfTask.getStore(), ...fields }, task);

export function createTelemetry(service: string): Telemetry {
  const logger = new Logger({ serviceName: service });
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
  const line = (fields: LogFields = {}) => ({ ...fieldsOfTask.getStore(), ...fields });
  return {
    log: {
      info: (message, fields) => logger.info(message, line(fields)),
      warn: (message, fields) => logger.warn(message, line(fields)),
      error: (message, fields) => logger.error(message, line(fields)),
    },
    count: (metric, value = 1) => metrics.addMetric(metric, metricUnits[metric], value),
    async invocation(context, run) {
      logger.addContext(context);
      try {
        return await run();
      } finally {
        if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
      }
    },
  };
}
