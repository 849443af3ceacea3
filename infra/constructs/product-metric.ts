import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricNamespace, serviceDimension } from '../../core/metrics.ts';
import type { Config } from '../config.ts';
import { metricWriters } from '../metric-writers.ts';
import { serviceName } from './bundled-function.ts';

/** One of the product's own metrics, as the Lambda writes it that usually does, or as `writer` does. */
export const productMetric = (
  config: Config,
  metricName: MetricName,
  statistic: string,
  period: Duration,
  writer: string = metricWriters[metricName][0],
): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { [serviceDimension]: serviceName(config, writer) },
    statistic,
    period,
  });

/** A level that the sweep writes at each run: its highest in two intervals, so that there is a run in each. */
export const levelMetric = (config: Config, metricName: MetricName): Metric =>
  productMetric(config, metricName, Stats.MAXIMUM, Duration.minutes(2 * config.sweepEveryMinutes));

/** Part of a metric math expression, with the metrics that it names. */
interface Term {
  expression: string;
  usingMetrics: Record<string, Metric>;
}

/** How often something happened in a period, whichever Lambda counted it; 0 where none did. */
export function totalOf(config: Config, metricName: MetricName, period: Duration): Term {
  const usingMetrics = Object.fromEntries(
    metricWriters[metricName].map((writer) => [
      `${metricName.charAt(0).toLowerCase()}${metricName.slice(1)}_${writer.replaceAll('-', '_')}`,
      productMetric(config, metricName, Stats.SUM, period, writer),
    ]),
  );
  return { expression: filledSum(Object.keys(usingMetrics)), usingMetrics };
}

/**
 * The sum of metrics, with a value for every period. FILL stands in for periods without data; what it
 * makes of a metric that was never written at all is documented nowhere. But arithmetic takes missing
 * values for 0, and TIME_SERIES has no gaps, so the sum has a value either way.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export const filledSum = (ids: string[]): string =>
  `(${ids.map((id) => `FILL(${id}, 0)`).join(' + ')} + TIME_SERIES(0))`;

/** What happened, as a metric to show or to watch. */
export const totalMetric = (
  config: Config,
  metricName: MetricName,
  period: Duration,
): MathExpression =>
  new MathExpression({ ...totalOf(config, metricName, period), label: metricName, period });
