import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { AwsError, account, parse } from './aws-error.ts';
import { checkMessage, MessageAttributes, md5, onTheWire, select } from './message.ts';
import { createMoveTasks, moveRequests } from './move-tasks.ts';
import { Queue, QueueSettings } from './queue.ts';

type Action = (body: unknown, signal: AbortSignal) => unknown;

const invalid = 'InvalidParameterValue';

/** An action that takes these parameters and no other: nobody shall rely on one that does nothing here. */
function action<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (request: z.output<z.ZodObject<Shape, z.core.$strict>>, signal: AbortSignal) => unknown,
): Action {
  const schema = z.strictObject(shape);
  return (body, signal) => run(parse(schema, body, invalid), signal);
}

const whole = (least: number, most: number) => z.number().int().min(least).max(most);
const QueueUrl = z.string();
const QueueName = z.string().regex(/^[\w-]{1,80}$/);
const ReceiptHandle = z.string();
const VisibilityTimeout = whole(0, 43_200);
const Names = z.array(z.string()).default([]);

/** The SQS service: standard queues of one account, in its JSON protocol, by the SQS API reference. */
export function createSqs(clock: Clock, baseUrl: () => string) {
  const queues = new Map<string, Queue>();
  const byArn = (arn: string | undefined) =>
    [...queues.values()].find((queue) => queue.arn === arn);
  const moveTasks = createMoveTasks(clock, () => [...queues.values()]);
  const urlOf = (name: string) => ({ QueueUrl: `${baseUrl()}/${account}/${name}` });

  /** By name, or by URL, which ends with the name. */
  function find(url: string): Queue {
    const queue = queues.get(url.split('/').at(-1) ?? '');
    if (queue !== undefined) return queue;
    throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
  }

  function create(name: string, attributes: Record<string, unknown>) {
    const unknown = Object.keys(attributes).find((key) => !Object.hasOwn(QueueSettings.shape, key));
    if (unknown !== undefined) {
      throw new AwsError('InvalidAttributeName', `No such attribute here: ${unknown}.`);
    }
    const settings = parse(QueueSettings, attributes, 'InvalidAttributeValue');
    const existing = queues.get(name)?.settings;
    if (existing !== undefined && JSON.stringify(existing) !== JSON.stringify(settings)) {
      throw new AwsError('QueueNameExists', 'The queue exists with another value of an attribute.');
    }
    const target = settings.RedrivePolicy?.deadLetterTargetArn;
    if (target !== undefined && byArn(target) === undefined) {
      throw new AwsError(invalid, `Dead letter target ${target} does not exist.`);
    }
    if (existing === undefined) queues.set(name, new Queue(name, settings, clock, byArn));
    return urlOf(name);
  }

  const actions: Record<string, Action> = {
    CreateQueue: action(
      { QueueName, Attributes: z.record(z.string(), z.unknown()).default({}) },
      ({ QueueName, Attributes }) => create(QueueName, Attributes),
    ),
    DeleteQueue: action({ QueueUrl }, ({ QueueUrl }) => {
      const queue = find(QueueUrl);
      queues.delete(queue.name);
      queue.close();
    }),
    GetQueueUrl: action({ QueueName }, ({ QueueName }) => urlOf(find(QueueName).name)),
    GetQueueAttributes: action({ QueueUrl, AttributeNames: Names }, (request) => ({
      Attributes: select(find(request.QueueUrl).attributes(), request.AttributeNames),
    })),
    ReceiveMessage: action(
      {
        QueueUrl,
        MaxNumberOfMessages: whole(1, 10).default(1),
        VisibilityTimeout: VisibilityTimeout.optional(),
        WaitTimeSeconds: whole(0, 20).default(0),
        MessageSystemAttributeNames: Names,
        MessageAttributeNames: Names,
      },
      async (request, signal) => {
        const messages = await find(request.QueueUrl).receive({
          max: request.MaxNumberOfMessages,
          waitSeconds: request.WaitTimeSeconds,
          visibilitySeconds: request.VisibilityTimeout,
          signal,
        });
        const { MessageSystemAttributeNames: system, MessageAttributeNames: names } = request;
        return { Messages: messages.map((message) => onTheWire(message, system, names)) };
      },
    ),
    StartMessageMoveTask: action(moveRequests.start, moveTasks.start),
    ListMessageMoveTasks: action(moveRequests.list, moveTasks.list),
    CancelMessageMoveTask: action(moveRequests.cancel, moveTasks.cancel),
  };

  /** What is done with one message of a queue: an action of its own, and one for a batch. */
  function onMessages<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
    run: (queue: Queue, request: z.output<Schema>) => object | undefined,
  ): void {
    const read = (request: unknown) => parse(schema, request, invalid);
    actions[name] = (body) => {
      const { QueueUrl: url, ...request } = parse(z.looseObject({ QueueUrl }), body, invalid);
      return run(find(url), read(request));
    };
    const Entries = z.array(z.looseObject({ Id: QueueName }));
    actions[`${name}Batch`] = action({ QueueUrl, Entries }, (batch) => {
      const queue = find(batch.QueueUrl);
      return eachEntry(batch.Entries, ({ Id: _, ...request }) => run(queue, read(request)));
    });
  }
  onMessages(
    'SendMessage',
    z.strictObject({
      MessageBody: z.string().min(1),
      MessageAttributes: MessageAttributes.default({}),
    }),
    (queue, { MessageBody, MessageAttributes }) => {
      checkMessage(MessageBody, MessageAttributes);
      const { id, body } = queue.send(MessageBody, MessageAttributes);
      return { MessageId: id, MD5OfMessageBody: md5(body) };
    },
  );
  onMessages('DeleteMessage', z.strictObject({ ReceiptHandle }), (queue, request) =>
    queue.delete(request.ReceiptHandle),
  );
  onMessages(
    'ChangeMessageVisibility',
    z.strictObject({ ReceiptHandle, VisibilityTimeout }),
    (queue, request) => queue.changeVisibility(request.ReceiptHandle, request.VisibilityTimeout),
  );

  return {
    byName: (name: string) => queues.get(name),
    byArn,
    /** Answers one action; `signal` is aborted when the client is gone. */
    async call(name: string, body: unknown, signal: AbortSignal) {
      const run = Object.hasOwn(actions, name) ? actions[name] : undefined;
      if (run !== undefined) return run(body, signal);
      throw new AwsError('InvalidAction', `The action ${name} is not valid for this endpoint.`);
    },
    wipe() {
      moveTasks.wipe();
      for (const queue of queues.values()) queue.close();
      queues.clear();
    },
  };
}

/** A batch's answer; an entry that fails does not hurt the others. */
function eachEntry<Entry extends { Id: string }>(
  entries: Entry[],
  run: (entry: Entry) => object | undefined,
) {
  if (entries.length === 0) throw new AwsError('EmptyBatchRequest', 'There is no entry.');
  if (entries.length > 10) {
    throw new AwsError('TooManyEntriesInBatchRequest', 'There are more than 10 entries.');
  }
  if (new Set(entries.map((entry) => entry.Id)).size < entries.length) {
    throw new AwsError('BatchEntryIdsNotDistinct', 'Two or more entries have the same Id.');
  }
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries) {
    const { Id } = entry;
    try {
      Successful.push({ Id, ...run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      Failed.push({ Id, SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { Successful, Failed };
}
