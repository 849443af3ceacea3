import { z } from 'zod';
import { MessageAttributes } from './message-attributes.ts';

/** What the SQS actions take, by the SQS API reference; lists and numbers in its ranges. */
const QueueUrl = z.string();
const Names = z.array(z.string()).default([]);
const DelaySeconds = z.number().int().min(0).max(900).optional();
const VisibilityTimeout = z.number().int().min(0).max(43_200);

const message = {
  MessageBody: z.string(),
  DelaySeconds,
  MessageAttributes: MessageAttributes.default({}),
  MessageSystemAttributes: z
    .object({ AWSTraceHeader: z.object({ StringValue: z.string() }).optional() })
    .default({}),
};
export const MessageToSend = z.object(message);
export type MessageToSend = z.infer<typeof MessageToSend>;

const batch = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({
    QueueUrl,
    Entries: z.array(z.object({ Id: z.string().regex(/^[\w-]{1,80}$/), ...shape })),
  });

export const sqsRequests = {
  CreateQueue: z.object({
    QueueName: z
      .string()
      .regex(/^[\w-]{1,80}$/, 'Can only include alphanumeric characters, hyphens, or underscores'),
    Attributes: z.record(z.string(), z.string()).default({}),
  }),
  DeleteQueue: z.object({ QueueUrl }),
  GetQueueUrl: z.object({ QueueName: z.string() }),
  ListQueues: z.object({ QueueNamePrefix: z.string().default('') }),
  GetQueueAttributes: z.object({ QueueUrl, AttributeNames: Names }),
  SetQueueAttributes: z.object({ QueueUrl, Attributes: z.record(z.string(), z.string()) }),
  PurgeQueue: z.object({ QueueUrl }),
  SendMessage: z.object({ QueueUrl, ...message }),
  SendMessageBatch: batch(message),
  ReceiveMessage: z.object({
    QueueUrl,
    MaxNumberOfMessages: z.number().int().min(1).max(10).default(1),
    VisibilityTimeout: VisibilityTimeout.optional(),
    WaitTimeSeconds: z.number().int().min(0).max(20).optional(),
    /** The older name of MessageSystemAttributeNames. */
    AttributeNames: Names,
    MessageSystemAttributeNames: Names,
    MessageAttributeNames: Names,
  }),
  DeleteMessage: z.object({ QueueUrl, ReceiptHandle: z.string() }),
  DeleteMessageBatch: batch({ ReceiptHandle: z.string() }),
  ChangeMessageVisibility: z.object({ QueueUrl, ReceiptHandle: z.string(), VisibilityTimeout }),
  ChangeMessageVisibilityBatch: batch({ ReceiptHandle: z.string(), VisibilityTimeout }),
  StartMessageMoveTask: z.object({
    SourceArn: z.string(),
    DestinationArn: z.string().optional(),
    MaxNumberOfMessagesPerSecond: z.number().int().min(1).max(500).optional(),
  }),
  ListMessageMoveTasks: z.object({
    SourceArn: z.string(),
    MaxResults: z.number().int().min(1).max(10).default(1),
  }),
  CancelMessageMoveTask: z.object({ TaskHandle: z.string() }),
} as const;

export type SqsAction = keyof typeof sqsRequests;
export type SqsRequest<Action extends SqsAction> = z.infer<(typeof sqsRequests)[Action]>;
