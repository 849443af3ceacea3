import { AwsError, account, invalidParameter } from './aws-error.ts';
import { md5, md5OfAttributes, messageSize, selectAttributes } from './message-attributes.ts';
import type { Queue, Received } from './queue.ts';
import type { MessageToSend, SqsRequest } from './sqs-requests.ts';

const largestBatch = 1_048_576;

const badBatch = (code: string, message: string) =>
  new AwsError(code, message, 400, `AWS.SimpleQueueService.${code}`);

/** SendMessage. */
export function send(queue: Queue, request: MessageToSend) {
  const limit = queue.settings.MaximumMessageSize;
  if (request.MessageBody === '') {
    throw new AwsError('MissingParameter', 'The request must contain the parameter MessageBody.');
  }
  if (messageSize(request.MessageBody, request.MessageAttributes) > limit) {
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`,
    );
  }
  const message = queue.send(request.MessageBody, {
    attributes: request.MessageAttributes,
    delaySeconds: request.DelaySeconds,
    traceHeader: request.MessageSystemAttributes.AWSTraceHeader?.StringValue,
  });
  return {
    MessageId: message.id,
    MD5OfMessageBody: md5(message.body),
    MD5OfMessageAttributes: md5OfAttributes(message.attributes),
  };
}

/** SendMessageBatch. */
export function sendBatch(queue: Queue, entries: SqsRequest<'SendMessageBatch'>['Entries']) {
  const sizes = entries.map((entry) => messageSize(entry.MessageBody, entry.MessageAttributes));
  if (sizes.reduce((sum, size) => sum + size, 0) > largestBatch) {
    const message = `Batch requests cannot be longer than ${largestBatch} bytes.`;
    throw badBatch('BatchRequestTooLong', message);
  }
  return eachEntry(entries, (entry) => send(queue, entry));
}

/** A batch action; an entry that is wrong does not hurt the others. */
export function eachEntry<Entry extends { Id: string }>(
  entries: Entry[],
  run: (entry: Entry) => object | undefined,
) {
  if (entries.length === 0) {
    throw badBatch('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > 10) {
    throw badBatch(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  if (new Set(entries.map((entry) => entry.Id)).size < entries.length) {
    throw badBatch('BatchEntryIdsNotDistinct', 'Two or more batch entries have the same Id.');
  }
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries) {
    const { Id } = entry;
    try {
      Successful.push({ Id, ...run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      Failed.push({ Id, SenderFault: true, Code: error.queryCode, Message: error.message });
    }
  }
  return { Successful, Failed };
}

/** A received message in the protocol's shape, with no more attributes than were asked for. */
export function onTheWire({ message, receipt }: Received, request: SqsRequest<'ReceiveMessage'>) {
  const system: Record<string, string | undefined> = {
    SenderId: account,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    DeadLetterQueueSourceArn: message.sourceArn,
    AWSTraceHeader: message.traceHeader,
  };
  const wanted = [...request.AttributeNames, ...request.MessageSystemAttributeNames];
  const Attributes = Object.fromEntries(
    Object.entries(system).filter(
      ([name, value]) => value !== undefined && (wanted.includes('All') || wanted.includes(name)),
    ),
  );
  const attributes = selectAttributes(message.attributes, request.MessageAttributeNames);
  const MD5OfMessageAttributes = md5OfAttributes(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: receipt,
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(Object.keys(Attributes).length > 0 && { Attributes }),
    ...(MD5OfMessageAttributes !== undefined && {
      MessageAttributes: attributes,
      MD5OfMessageAttributes,
    }),
  };
}
