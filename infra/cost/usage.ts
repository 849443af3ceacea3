/** What one track means: sizes from the spec (its GB for 1,000 tracks), the rest assumed on the high side. */
export const usage = {
  megabytes: { audio: 6, cover: 0.4, video: 25 },
  /** Webhooks of one track: completed, and one more change. */
  webhooks: 2,
  enqueueSeconds: 0.3,
  enqueueGigabytes: 0.5,
  /** Seconds that a track keeps an archive Lambda busy; one track in each. */
  archiveSeconds: 10,
  archiveGigabytes: 0.5,
  /** Runs of the sweep, one an hour, and the seconds of each. */
  sweeps: 30 * 24,
  sweepSeconds: 10,
  sweepGigabytes: 0.5,
  /** Send, receive, change of visibility, delete. */
  queueRequests: 4,
  /** Lambda asks an empty queue too: five pollers, each waiting up to 20 seconds, for a month. */
  idleQueueRequests: (5 * 30 * 86_400) / 20,
  /** Log lines of all its invocations. */
  logKilobytes: 8,
  /** How often a month an archived track's audio and cover are loaded from Storage. */
  plays: 1,
} as const;

/** What the spec reckons: Storage only, of one month's tracks, $0.67 for 1,000. */
export const specEstimate = (tracks: number): number => (tracks / 1000) * 0.67;
