import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { ConfigurationError } from '../core/environment.ts';
import { archiveMessage, parseArchiveMessage } from '../core/message.ts';
import { trackIdOfSchedule } from '../core/schedule.ts';

/** A message of a dead-letter queue, in flight until its visibility timeout ends, and what can be read from it. */
export interface DeadLetter {
  id: string;
  receipt: string;
  /** Undefined: the message is not one of ours. */
  trackId: string | undefined;
  code: string | undefined;
  reason: string | undefined;
  /** Sent here; where SQS moved it here itself, sent to the queue that it comes from. */
  sentAt: Date;
  movedBySqs: boolean;
  /** What goes to the archive queue where it is redriven. */
  forward: string;
}

export interface QueueCounts {
  visible: number;
  /** Received by somebody, not deleted yet. */
  inFlight: number;
}

/** Counts are approximate, as SQS counts them: true about a minute after the last change. */
export interface DeadLetterQueue {
  arn: string;
  counts(): Promise<QueueCounts>;
  /** Up to ten messages, invisible for so many seconds. None: all servers of SQS were asked. */
  receive(visibilityTimeout: number): Promise<DeadLetter[]>;
  /** Makes them visible again at once; what is not in flight any more is left as it is. */
  release(letters: readonly DeadLetter[]): Promise<void>;
  remove(letter: DeadLetter): Promise<void>;
}

const batchLimit = 10;
const counted = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;

/** Rejects where there is no such queue, or one whose messages go elsewhere when they are looked at often. */
export async function openDeadLetterQueue(
  client: SQSClient,
  QueueUrl: string,
): Promise<DeadLetterQueue> {
  const { Attributes: { QueueArn: arn = '', RedrivePolicy } = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'RedrivePolicy'] }),
  );
  if (RedrivePolicy !== undefined && RedrivePolicy !== '') {
    throw new ConfigurationError(
      `${arn} has a dead-letter queue of its own: receiving its messages would move them there. Remove that redrive policy first`,
    );
  }
  return {
    arn,
    async counts() {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...counted] }),
      );
      const [visible, inFlight] = counted.map((name) => Number(Attributes[name] ?? 0));
      return { visible: visible ?? 0, inFlight: inFlight ?? 0 };
    },
    async receive(visibilityTimeout) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: batchLimit,
          // A short poll asks a part of the servers only and may find nothing in a queue that has some.
          WaitTimeSeconds: 1,
          VisibilityTimeout: visibilityTimeout,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
        }),
      );
      return Messages.map(readLetter);
    },
    async release(letters) {
      for (let start = 0; start < letters.length; start += batchLimit) {
        const Entries = letters.slice(start, start + batchLimit).map(({ receipt }, index) => ({
          Id: String(index),
          ReceiptHandle: receipt,
          VisibilityTimeout: 0,
        }));
        await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      }
    },
    async remove({ receipt }) {
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receipt }));
    },
  };
}

/** The URL of a queue given by its URL, its ARN or its name. */
export async function queueUrlOf(client: SQSClient, given: string): Promise<string> {
  if (/^https?:/.test(given)) return given;
  const { QueueUrl = '' } = await client.send(
    new GetQueueUrlCommand({ QueueName: given.split(':').at(-1) ?? '' }),
  );
  return QueueUrl;
}

function readLetter(message: Message): DeadLetter {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} } = message;
  const own = (name: string) => message.MessageAttributes?.[name]?.StringValue;
  const movedBySqs = Attributes.DeadLetterQueueSourceArn !== undefined;
  const parsed = parseArchiveMessage(Body);
  // EventBridge Scheduler names the schedule; whether it keeps the message's own text is not documented.
  const scheduled = trackIdOfSchedule(own('SCHEDULE_ARN') ?? '');
  return {
    id: MessageId,
    receipt: ReceiptHandle,
    trackId: parsed?.trackId ?? scheduled,
    // A message that was redriven keeps the attributes of its earlier failure; when SQS itself has
    // moved it here again, they describe the past.
    code: movedBySqs ? undefined : (own('code') ?? own('ERROR_CODE')),
    reason: movedBySqs ? undefined : (own('reason') ?? own('ERROR_MESSAGE')),
    sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)),
    movedBySqs,
    forward:
      parsed === undefined && scheduled !== undefined
        ? archiveMessage(scheduled, 'schedule')
        : Body,
  };
}
