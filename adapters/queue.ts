import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { type ArchiveMessage, archiveMessage } from '../core/message.ts';

/** Why a message lies in the dead-letter queue, as its attributes `code`, `reason` and `trackId`. */
export interface DeadLetterReason {
  code: string;
  /** For the operator; cut to a length that SQS takes. */
  reason: string;
  trackId?: string | undefined;
}

/** Messages that are being worked on, by the archive queue's consumer. */
export interface ArchiveQueue {
  /** The messages are visible again so many seconds from now. */
  changeVisibility(receiptHandles: readonly string[], seconds: number): Promise<void>;
  /** Puts a message's body into the dead-letter queue, with its reason. */
  sendToDeadLetterQueue(body: string, reason: DeadLetterReason): Promise<void>;
}

/** Most messages that SQS takes in one batch call. */
const batchLimit = 10;
const maxReasonLength = 1000;

export function createArchiveQueue(options: {
  client: SQSClient;
  queueUrl: string;
  deadLetterQueueUrl: string;
}): ArchiveQueue {
  const { client, queueUrl, deadLetterQueueUrl } = options;
  return {
    async changeVisibility(receiptHandles, seconds) {
      const [first, ...rest] = receiptHandles;
      if (first !== undefined && rest.length === 0) {
        await client.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: queueUrl,
            ReceiptHandle: first,
            VisibilityTimeout: seconds,
          }),
        );
        return;
      }
      for (let start = 0; start < receiptHandles.length; start += batchLimit) {
        const entries = receiptHandles.slice(start, start + batchLimit).map((handle, index) => ({
          Id: String(index),
          ReceiptHandle: handle,
          VisibilityTimeout: seconds,
        }));
        const result = await client.send(
          new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
        );
        const failed = result.Failed?.[0];
        if (failed !== undefined) throw new Error(`${failed.Code}: ${failed.Message}`);
      }
    },
    async sendToDeadLetterQueue(body, { code, reason, trackId }) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: deadLetterQueueUrl,
          MessageBody: body,
          MessageAttributes: {
            code: text(code),
            reason: text(reason),
            ...(trackId === undefined ? {} : { trackId: text(trackId) }),
          },
        }),
      );
    },
  };
}

/** Messages that wait, are worked on or come back later; approximate, as SQS counts them. */
export async function readInFlight(client: SQSClient, queueUrl: string): Promise<number> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

/** Sends a track to the archive queue. */
export type SendTrack = (trackId: string, reason: ArchiveMessage['reason']) => Promise<void>;

export const createSendTrack =
  (client: SQSClient, queueUrl: string): SendTrack =>
  async (trackId, reason) => {
    await client.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: archiveMessage(trackId, reason) }),
    );
  };

/** SQS refuses empty attributes and control characters, and counts attributes into the message's size. */
const text = (value: string) => ({
  DataType: 'String',
  StringValue: value.replaceAll(/[^\P{C}\t\n\r]/gu, ' ').slice(0, maxReasonLength) || '-',
});
