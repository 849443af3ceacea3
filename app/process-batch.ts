import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { ArchiveQueue } from '../adapters/queue.ts';
import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import { classify } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { redeliveryDelay } from '../core/retry.ts';
import { batchSize, timings } from '../core/timings.ts';

/** What becomes of one message. */
export type Fate =
  /** Deleted from the queue. */
  | { fate: 'done' }
  /** Delivered again after so many seconds; undefined: the queue's usual delay. */
  | { fate: 'again'; seconds?: number };

export interface BatchDependencies {
  queue: Pick<ArchiveQueue, 'hide'>;
  /** Decides one message; what it throws means "again". */
  settle: (record: SQSRecord) => Promise<Fate>;
  telemetry: Telemetry;
}

/** The one place that knows SQS's contract for partial batches. */
export async function processBatch(
  event: SQSEvent,
  { queue, settle, telemetry }: BatchDependencies,
): Promise<SQSBatchResponse> {
  const { log } = telemetry;
  const again: string[] = [];

  async function hide(records: readonly SQSRecord[], seconds: number): Promise<void> {
    try {
      await queue.hide(
        records.map((record) => record.receiptHandle),
        seconds,
      );
    } catch (error) {
      // Only a matter of time: the message comes back with the delay that it had before.
      log.warn('Could not change when messages come back', { error });
    }
  }

  async function process(record: SQSRecord): Promise<void> {
    const fate = await settle(record).catch((error: unknown): Fate => {
      const failure = classify(error);
      log.error('Message failed', { code: failure.code, error: failure });
      return { fate: 'again' };
    });
    if (fate.fate === 'done') return;
    again.push(record.messageId);
    await hide([record], fate.seconds ?? redeliveryDelay(receiveCount(record), undefined));
  }

  // A crash from here on brings the messages back when their leases have just ended.
  await hide(event.Records, timings.crashRedelivery);
  await forEachBounded(event.Records, batchSize, (record) =>
    withLogFields({ messageId: record.messageId, receiveCount: receiveCount(record) }, () =>
      process(record),
    ),
  );
  return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
}

export const receiveCount = (record: SQSRecord): number =>
  Number(record.attributes.ApproximateReceiveCount) || 1;
