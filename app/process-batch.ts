import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { ArchiveQueue } from '../adapters/queue.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { classify } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { redeliveryDelay } from '../core/retry.ts';
import { batchSize, timings } from '../core/timings.ts';
import type { Budget } from './budget.ts';
import { type SettleDependencies, type Settlement, settleMessage } from './settle-message.ts';

export interface BatchDependencies extends SettleDependencies {
  queue: ArchiveQueue;
}

/** The one place that knows SQS's contract for partial batches. */
export async function processBatch(
  event: SQSEvent,
  dependencies: BatchDependencies,
  budget: Budget,
): Promise<SQSBatchResponse> {
  const { queue, telemetry } = dependencies;
  const { log } = telemetry;
  const retried: string[] = [];

  async function changeVisibility(records: readonly SQSRecord[], seconds: number): Promise<void> {
    try {
      await queue.changeVisibility(
        records.map((record) => record.receiptHandle),
        seconds,
      );
    } catch (error) {
      // Only a matter of time: the message comes back with the delay that it had before.
      log.warn('Could not change when messages come back', { error });
    }
  }

  async function process(record: SQSRecord, received: number): Promise<void> {
    const settlement = await settleMessage(
      { body: record.body, received },
      dependencies,
      budget,
    ).catch((error: unknown): Settlement => {
      const failure = classify(error);
      log.error('Message failed', { code: failure.code, error: failure });
      return { action: 'retry' };
    });
    if (settlement.action === 'acknowledge') return;
    retried.push(record.messageId);
    await changeVisibility([record], settlement.seconds ?? redeliveryDelay(received, undefined));
  }

  // A crash from here on brings the messages back when their leases have just ended.
  await changeVisibility(event.Records, timings.crashRedelivery);
  await forEachBounded(event.Records, batchSize, (record) => {
    const received = Number(record.attributes.ApproximateReceiveCount) || 1;
    return withLogFields({ messageId: record.messageId, receiveCount: received }, () =>
      process(record, received),
    );
  });
  return { batchItemFailures: retried.map((itemIdentifier) => ({ itemIdentifier })) };
}
