import type { MetricName } from '../core/metrics.ts';

/** Which Lambdas write what, each under its own name; the first is the one that usually does. */
export const metricWriters = {
  WebhooksAccepted: ['enqueue'],
  WebhooksRefused: ['enqueue'],
  WebhooksFailed: ['enqueue'],
  TracksScheduled: ['enqueue'],
  TracksArchived: ['archive', 'archive-tracks', 'sweep'],
  TracksFailed: ['archive', 'archive-tracks', 'sweep'],
  TracksRetried: ['archive', 'archive-tracks'],
  AssetsStored: ['archive', 'archive-tracks'],
  AssetsRefused: ['archive', 'archive-tracks'],
  MessagesInvalid: ['archive'],
  BytesArchived: ['archive', 'archive-tracks'],
  ArchiveDuration: ['archive', 'archive-tracks'],
  TracksRecovered: ['sweep'],
  TracksDue: ['sweep'],
  TracksNearExpiry: ['sweep'],
  TracksExpired: ['sweep'],
  FilesLost: ['sweep'],
} as const satisfies Record<MetricName, readonly [string, ...string[]]>;
