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
  AssetsRefused: 'Count',
  MessagesInvalid: 'Count',
  BytesArchived: 'Bytes',
  ArchiveDuration: 'Milliseconds',
  /** Tracks that the sweep put back on their way: stalled, or without a schedule. */
  TracksRecovered: 'Count',
  /** A level that the sweep writes at each run: tracks that should be archived by now and may still be. */
  TracksDue: 'Count',
  /** A level that the sweep writes at each run: tracks not archived in good time that expire within two days. */
  TracksNearExpiry: 'Count',
  /** An event that the sweep writes once a track: its files expired before it was archived. */
  TracksExpired: 'Count',
  /** Stored files that Storage has no more, found by the sweep. */
  FilesLost: 'Count',
} as const;
export type MetricName = keyof typeof metricUnits;

export const metricNamespace = 'TrackArchiver';

/** The one dimension; its value is the name of the service that wrote the metric. */
export const serviceDimension = 'service';
