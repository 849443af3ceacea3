import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AwsError, account } from './aws-error.ts';

/** Message attributes as on the wire; binary ones are not imitated. */
export const MessageAttributes = z.record(
  z.string().regex(/^[\w.-]{1,256}$/),
  z.strictObject({
    DataType: z.string().regex(/^(String|Number)(\.|$)/),
    StringValue: z.string().min(1),
  }),
);
export type MessageAttributes = z.infer<typeof MessageAttributes>;

const maxBytes = 1_048_576;
const refused = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Throws where SendMessage refuses characters, or the bytes of the body and its attributes together. */
export function checkMessage(body: string, attributes: MessageAttributes): void {
  const parts = Object.entries(attributes)
    .flatMap(([name, { DataType, StringValue }]) => [name, DataType, StringValue])
    .concat(body);
  if (parts.some((part) => refused.test(part))) {
    throw new AwsError('InvalidMessageContents', 'The message has characters that SQS refuses.');
  }
  if (Buffer.byteLength(parts.join('')) > maxBytes) {
    throw new AwsError('InvalidParameterValue', `Message must be shorter than ${maxBytes} bytes.`);
  }
}

/** A message in a queue. Times are milliseconds of the injected clock. */
export interface Message {
  id: string;
  body: string;
  attributes: MessageAttributes;
  sentAt: number;
  visibleAt: number;
  receives: number;
  firstReceivedAt?: number;
  /** Deletes the message or changes its visibility, until it is received again. */
  receipt?: string;
  /** The queue that gave the message up to this dead-letter queue. */
  sourceArn?: string;
}

/** The SDK compares it with the body. */
export const md5 = (body: string): string => createHash('md5').update(body).digest('hex');

/** Of these, what was asked for by name or with `All`; undefined where that is nothing. */
export function select<Value>(values: Record<string, Value>, wanted: string[]) {
  const chosen = Object.entries(values).filter(
    ([name, value]) => value !== undefined && (wanted.includes('All') || wanted.includes(name)),
  );
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen);
}

/** A received message in ReceiveMessage's shape, with no more attributes than were asked for. */
export function onTheWire(message: Message, system: string[], attributes: string[]) {
  const all = {
    SenderId: account,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    DeadLetterQueueSourceArn: message.sourceArn,
  };
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt,
    Body: message.body,
    MD5OfBody: md5(message.body),
    Attributes: select(all, system),
    MessageAttributes: select(message.attributes, attributes),
  };
}
