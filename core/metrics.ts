/**
 * Every metric of the product with its unit: what the Lambdas write and what the alarms and the
 * dashboard read. The unit names are CloudWatch's.
 */
export const metricUnits = {
  WebhooksAccepted: 'Count',
  WebhooksRefused: 'Count',
  WebhooksFailed: 'Count',
  TracksScheduled: 'Count',
  TracksArchived: 'Count',
  TracksFailed: 'Count',
  TracksRetried: 'Count',
  AssetsStored: 'Count',
  AssetsGone: 'Count',
  MessagesInvalid: 'Count',
  BytesArchived: 'Bytes',
  ArchiveDuration: 'Milliseconds',
  /** Written by the sweep, as it finds them: tracks that are due and not yet archived. */
  TracksDue: 'Count',
  /** Written by the sweep: tracks whose files the provider keeps for less than two more days. */
  TracksNearExpiry: 'Count',
  /** Written by the sweep: tracks that were not archived before their files expired. */
  TracksExpired: 'Count',
} as const;
export type MetricName = keyof typeof metricUnits;

export const metricNamespace = 'TrackArchiver';

/** The one dimension; its value is the name of the service that wrote the metric. */
export const serviceDimension = 'service';
