import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import type { BundledFunction } from './bundled-function.ts';
import { filledSum, productMetric, totalOf } from './product-metric.ts';
import type { Queues } from './queues.ts';

/** Of an event that is to be heard of soon. */
export const soon = { statistic: Stats.SUM, period: Duration.minutes(5) };

/** Counts the responses of a Lambda with a URL and what breaks it, which its own Errors metric does not. */
export const serverErrors = (lambda: BundledFunction): Metric =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName: 'Url5xxCount',
    dimensionsMap: { FunctionName: lambda.function.functionName },
    ...soon,
  });

/** 1 for an hour in which webhooks came and none was accepted; a few of them are scanners that found the address. */
export function onlyRefusals(config: Config): MathExpression {
  const period = Duration.hours(1);
  const accepted = totalOf(config, 'WebhooksAccepted', period);
  const refused = totalOf(config, 'WebhooksRefused', period);
  return new MathExpression({
    expression: `IF(${refused.expression} > 4 AND ${accepted.expression} == 0, 1, 0)`,
    usingMetrics: { ...refused.usingMetrics, ...accepted.usingMetrics },
    period,
  });
}

/** Tracks that a day's sweeps may recover for other reasons than lost webhooks: crashes, tries after failures. */
const ordinaryRecoveries = 9;

/** 1 for a day on which the sweep found what webhooks should have brought, and not one webhook came. */
export function onlyRecoveries(config: Config): MathExpression {
  const period = Duration.days(1);
  const recovered = totalOf(config, 'TracksRecovered', period);
  const accepted = totalOf(config, 'WebhooksAccepted', period);
  return new MathExpression({
    expression: `IF(${recovered.expression} > ${ordinaryRecoveries} AND ${accepted.expression} == 0, 1, 0)`,
    usingMetrics: { ...recovered.usingMetrics, ...accepted.usingMetrics },
    period,
  });
}

/** Share of the tracks that failed, in per cent; no value where none was worked on. */
export function failureRate(config: Config, period: Duration): MathExpression {
  const failed = totalOf(config, 'TracksFailed', period);
  const archived = totalOf(config, 'TracksArchived', period);
  return new MathExpression({
    expression: `100 * ${failed.expression} / (${failed.expression} + ${archived.expression})`,
    usingMetrics: { ...failed.usingMetrics, ...archived.usingMetrics },
    label: 'Failed, %',
    period,
  });
}

/** Share of the files that no provider gave, although their tracks are archived, in per cent; no value without files. */
export function refusedFiles(config: Config, period: Duration): MathExpression {
  const refused = totalOf(config, 'AssetsRefused', period);
  const stored = totalOf(config, 'AssetsStored', period);
  return new MathExpression({
    expression: `100 * ${refused.expression} / (${refused.expression} + ${stored.expression})`,
    usingMetrics: { ...refused.usingMetrics, ...stored.usingMetrics },
    label: 'Refused, %',
    period,
  });
}

/** Hours; long enough for a sweep to fall into each. */
const quarterOfDay = 6;

/** 1 for a quarter of a day with tracks due, in the queue or by the sweep's count, and none archived. */
export function idleWhileDue(config: Config, queues: Queues): MathExpression {
  const period = Duration.hours(quarterOfDay);
  const highest = { statistic: Stats.MAXIMUM, period };
  const work = {
    waiting: queues.archive.metricApproximateNumberOfMessagesVisible(highest),
    working: queues.archive.metricApproximateNumberOfMessagesNotVisible(highest),
    due: productMetric(config, 'TracksDue', Stats.MAXIMUM, period),
  };
  const archived = totalOf(config, 'TracksArchived', period);
  return new MathExpression({
    expression: `IF(${filledSum(Object.keys(work))} > 0 AND ${archived.expression} == 0, 1, 0)`,
    usingMetrics: { ...work, ...archived.usingMetrics },
    period,
  });
}

/**
 * 1 where no run of the sweep came to its end, in two of its intervals and the time that a run may take. An
 * expression, since before an alarm calls data missing it looks for older data, several periods back.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function sweepMissing(config: Config): MathExpression {
  const period = Duration.seconds(2 * 60 * config.sweepEveryMinutes + timings.sweepTimeout);
  return new MathExpression({
    expression: `IF(${filledSum(['runs'])} == 0, 1, 0)`,
    // Written last, at each run.
    usingMetrics: { runs: productMetric(config, 'TracksRecovered', Stats.SAMPLE_COUNT, period) },
    period,
  });
}
