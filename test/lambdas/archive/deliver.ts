import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type ArchiveMessage, archiveMessage } from '../../../core/message.ts';
import {
  deadLetterName,
  lambdaContext,
  loadHandler,
  queueName,
  trustProvider,
  type World,
} from '../world.ts';

type Handler = (event: SQSEvent, context: object) => Promise<SQSBatchResponse>;

/** The archive Lambda of a world, with its handler and all of its wiring. */
export async function archiveLambda(world: World): Promise<Handler> {
  trustProvider(world);
  return await loadHandler<Handler>('archive', world);
}

/** Receives what is visible in the archive queue, as the event source mapping would. */
export async function receive(world: World, received?: number): Promise<SQSEvent> {
  const answer = await world.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: world.queueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
    }),
  );
  const records = (answer.Messages ?? []).map((message) => ({
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ApproximateReceiveCount: String(
        received ?? message.Attributes?.ApproximateReceiveCount ?? '1',
      ),
    },
  }));
  return { Records: records as SQSRecord[] };
}

export interface Delivered {
  /** Bodies of the messages that were reported as failed. */
  failed: string[];
  /** Seconds until each of those is visible again. */
  delays: number[];
}

/** Sends bodies, delivers them in one batch, and returns what became of them. */
export async function deliver(
  world: World,
  handler: Handler,
  bodies: string[],
  options: { received?: number; remaining?: number } = {},
): Promise<Delivered> {
  for (const MessageBody of bodies) {
    await world.sqs.send(new SendMessageCommand({ QueueUrl: world.queueUrl, MessageBody }));
  }
  const event = await receive(world, options.received);
  const answer = await handler(event, lambdaContext(options.remaining));
  const failed = answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  const kept = world.aws.queue(queueName)?.messages.filter(({ id }) => failed.includes(id)) ?? [];
  return {
    failed: kept.map(({ body }) => body),
    delays: kept.map(({ visibleAt }) =>
      Math.max(0, Math.round((visibleAt - world.clock.now()) / 1000)),
    ),
  };
}

export const deliverTrack = (
  world: World,
  handler: Handler,
  trackId: string,
  {
    reason = 'schedule',
    ...options
  }: { reason?: ArchiveMessage['reason']; received?: number; remaining?: number } = {},
): Promise<Delivered> => deliver(world, handler, [archiveMessage(trackId, reason)], options);

/** What lies in the dead-letter queue: bodies and attributes. */
export function deadLetters(world: World): { body: string; attributes: Record<string, unknown> }[] {
  const messages = world.aws.queue(deadLetterName)?.messages ?? [];
  return messages.map(({ body, attributes }) => ({
    body,
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, value.StringValue]),
    ),
  }));
}
