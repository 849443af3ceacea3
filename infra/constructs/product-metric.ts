import type { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricNamespace, serviceDimension } from '../../core/metrics.ts';
import type { Config } from '../config.ts';
import { serviceName } from './bundled-function.ts';

/** Which Lambda writes what. The sweep is not deployed yet: its metrics have no data until it is. */
const writers = {
  WebhooksAccepted: 'enqueue',
  WebhooksRefused: 'enqueue',
  WebhooksFailed: 'enqueue',
  TracksScheduled: 'enqueue',
  TracksArchived: 'archive',
  TracksFailed: 'archive',
  TracksRetried: 'archive',
  AssetsStored: 'archive',
  AssetsGone: 'archive',
  MessagesInvalid: 'archive',
  BytesArchived: 'archive',
  ArchiveDuration: 'archive',
  TracksRecovered: 'sweep',
  TracksDue: 'sweep',
  TracksNearExpiry: 'sweep',
  TracksExpired: 'sweep',
} as const satisfies Record<MetricName, string>;

/** One of the product's own metrics, as its Lambda writes it. */
export const productMetric = (
  config: Config,
  metricName: MetricName,
  statistic: string,
  period: Duration,
): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { [serviceDimension]: serviceName(config, writers[metricName]) },
    statistic,
    period,
  });
