import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { account, region } from './aws-error.ts';
import { FunctionError, type LambdaFunction } from './lambda.ts';
import type { Queue } from './queue.ts';

/** A missing or empty list is a success (Lambda Developer Guide, "Reporting batch item failures"). */
const BatchResponse = z
  .object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })).nullish() })
  .nullable()
  .transform((response) => response?.batchItemFailures?.map((item) => item.itemIdentifier) ?? []);

export interface EventSourceOptions {
  /** Polled over the wire. With `queue`, `idle` knows of messages that are not here yet. */
  endpoint: { url: string; queue?(name: string): Queue | undefined };
  queueName: string;
  fn: LambdaFunction;
  batchSize: number;
  maxConcurrency: number;
}

export interface EventSource {
  stop(): Promise<void>;
  /** Nothing in hand, and nothing that could be received now. */
  idle(): boolean;
}

/** Milliseconds until the next poll where the queue is gone. */
const pause = 200;

/**
 * Lambda's event source mapping for SQS with ReportBatchItemFailures. What the function did not name as
 * failed is deleted. An error, a result of another shape or the name of a message that was not in the
 * batch fails the whole batch: nothing is deleted, and all comes back after its visibility timeout.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const { endpoint, queueName, fn, batchSize, maxConcurrency } = options;
  const client = new SQSClient({
    endpoint: endpoint.url,
    region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  const working = new Set<Promise<void>>();
  /** Receives that arrived here, by message: what the queue handed out may still be on the wire. */
  const arrived = new Map<string | undefined, string | undefined>();

  async function work(QueueUrl: string | undefined, messages: Message[]): Promise<void> {
    const failed = await failures(fn, queueName, messages);
    const done = messages.filter((message) => !failed.includes(message.MessageId));
    if (done.length === 0) return;
    const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    // What stays is delivered again, as in AWS.
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })).catch(() => {});
  }

  async function receive(): Promise<void> {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: queueName }));
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: batchSize,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: signal },
    );
    if (Messages.length === 0) return;
    for (const { MessageId, Attributes } of Messages) {
      arrived.set(MessageId, Attributes?.ApproximateReceiveCount);
    }
    const task = work(QueueUrl, Messages).finally(() => working.delete(task));
    working.add(task);
  }

  async function poll(): Promise<void> {
    while (!signal.aborted) {
      if (working.size >= maxConcurrency) await Promise.race(working);
      await receive().catch(() => wait(pause, undefined, { signal }).catch(() => {}));
    }
  }

  const polling = poll();
  return {
    idle() {
      const now = fn.clock.now();
      const awaited = endpoint
        .queue?.(queueName)
        ?.messages.some(
          ({ id, receives, visibleAt }) =>
            visibleAt <= now || (receives > 0 && arrived.get(id) !== String(receives)),
        );
      return working.size === 0 && awaited !== true;
    },
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(working);
      client.destroy();
    },
  };
}

/** The ids of the messages that stay on the queue. */
async function failures(fn: LambdaFunction, queueName: string, messages: Message[]) {
  const ids = messages.map((message) => message.MessageId);
  try {
    const Records = messages.map((message) => toRecord(message, queueName));
    const named = BatchResponse.safeParse(await fn.invoke({ Records }));
    return named.success && named.data.every((id) => ids.includes(id)) ? named.data : ids;
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    return ids;
  }
}

/** A message in the shape of Lambda's SQS event. */
function toRecord(message: Message, queueName: string) {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(
    ([name, { DataType, StringValue }]) => [name, { dataType: DataType, stringValue: StringValue }],
  );
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes,
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${region}:${account}:${queueName}`,
    awsRegion: region,
  };
}
