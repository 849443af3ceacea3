/**
 * Every duration of the pipeline, derived from one constant. Seconds unless the name says otherwise.
 *
 * `archiveTimeout` is the archive Lambda's own timeout (the service's maximum). What follows from it:
 * a worker is dead before its lease ends, so two live workers never hold one claim; the message of a
 * crashed worker comes back only after its lease has ended, so the redelivery can always claim.
 */
const archiveTimeout = 900;

export const timings = {
  archiveTimeout,
  lease: archiveTimeout + 30,
  /** Visibility timeout set on receipt, so that a crash is retried after this and not after `visibility`. */
  crashRedelivery: archiveTimeout + 60,
  /** The queue's default. AWS asks for at least six times the function timeout of its consumer. */
  visibility: 6 * archiveTimeout,
  /** Work stops this long before the Lambda does, to release its claims and report. */
  reportReserve: 15,
  enqueueTimeout: 10,
  /** EventBridge Scheduler is precise to a minute: what is due sooner goes straight to the queue. */
  scheduleMinimumLead: 60,
  /** Signed webhooks older than this are refused; pg_net may deliver late and the operation is idempotent. */
  webhookTolerance: 3600,
  queueRetention: 14 * 86_400,
  sweepInterval: 3600,
  sweepTimeout: 900,
  /** A track on the queue that was neither sent nor claimed for so long is stalled. */
  stallTimeout: 6 * archiveTimeout,
} as const;

/** Receives of one message before SQS moves it to the dead-letter queue. */
export const maxReceiveCount = 5;
/** Messages handed to one archive invocation; its tracks are copied concurrently. */
export const batchSize = 10;
/** Largest webhook body accepted, in bytes. */
export const maxWebhookBytes = 256 * 1024;

/** Seconds that copying one track may take on average, by the product's goals. */
const averageArchiveTime = 300;

/** Most tracks that may be on the queue at once: what is sent now is then done before the next sweep. */
export const maxInFlight = (archiveConcurrency: number): number =>
  Math.floor((archiveConcurrency * batchSize * timings.sweepInterval) / averageArchiveTime);
