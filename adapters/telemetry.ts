import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { type MetricName, metricNamespace, metricUnits } from '../core/metrics.ts';
import { redactExcerpt } from '../core/redact.ts';

export type LogFields = Record<string, unknown>;

/**
 * JSON lines; fields of the surrounding `withLogFields` stand in each. Errors go under `error`. What looks
 * like a secret is taken out, whoever put it into a message.
 */
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
  const logger = new Logger({
    serviceName: service,
    jsonReplacerFn: (_, value) => (typeof value === 'string' ? redactExcerpt(value) : value),
  });
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
  const line = ({ error, ...fields }: LogFields = {}) => ({
    ...fieldsOfTask.getStore(),
    ...fields,
    ...(error === undefined ? {} : { error: shownOf(error) }),
  });
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

const deepestCause = 5;

/**
 * An error with its causes by the properties that are made to be shown. Errors carry others, such as the
 * row that Postgres refused, a request's headers or the bytes that were no HTTP.
 */
function shownOf(error: unknown, depth = 0): unknown {
  if (typeof error !== 'object' || error === null) return String(error);
  const { name, code, message, stack, $metadata, errors, cause } = error as Record<string, unknown>;
  const further = (inner: unknown) =>
    depth < deepestCause ? shownOf(inner, depth + 1) : 'and so on';
  return {
    name,
    code,
    message,
    stack,
    $metadata,
    ...(Array.isArray(errors) && { errors: errors.map(further) }),
    ...(cause !== undefined && { cause: further(cause) }),
  };
}
