import type { Clock } from '../clock.ts';
import { AwsError, account, invalidParameter, region } from './aws-error.ts';
import { MoveTasks } from './move-tasks.ts';
import { Queue } from './queue.ts';
import { changeSettings, describeSettings } from './queue-attributes.ts';
import { eachEntry, onTheWire, send, sendBatch } from './sqs-messages.ts';
import { type SqsAction, type SqsRequest, sqsRequests } from './sqs-requests.ts';

type Actions = {
  [Action in SqsAction]: (request: SqsRequest<Action>, signal: AbortSignal) => unknown;
};

/** The SQS service: standard queues of one account, spoken to in its JSON protocol. */
export class Sqs {
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();
  readonly #moveTasks: MoveTasks;
  readonly #baseUrl: () => string;

  constructor(clock: Clock, baseUrl: () => string) {
    this.#clock = clock;
    this.#baseUrl = baseUrl;
    this.#moveTasks = new MoveTasks(clock, () => this.#queues.values());
  }

  byName(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  byArn(arn: string): Queue | undefined {
    const prefix = `arn:aws:sqs:${region}:${account}:`;
    return arn.startsWith(prefix) ? this.byName(arn.slice(prefix.length)) : undefined;
  }

  wipe(): void {
    this.#moveTasks.wipe();
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }

  /** Answers one action; `signal` is aborted when the client is gone. */
  async call(action: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    if (!Object.hasOwn(sqsRequests, action)) {
      throw new AwsError('InvalidAction', `The action ${action} is not valid for this endpoint.`);
    }
    const name = action as SqsAction;
    const parsed = sqsRequests[name].safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const parameter = issue?.path.join('.') ?? '';
      throw invalidParameter(
        `Value for parameter ${parameter} is invalid. Reason: ${issue?.message}`,
      );
    }
    const run = this.#actions[name] as (request: unknown, signal: AbortSignal) => unknown;
    return (await run(parsed.data, signal)) ?? {};
  }

  #queue(url: string): Queue {
    const queue = this.byName(url.split('/').at(-1) ?? '');
    if (queue !== undefined) return queue;
    throw new AwsError(
      'QueueDoesNotExist',
      'The specified queue does not exist.',
      400,
      'AWS.SimpleQueueService.NonExistentQueue',
    );
  }

  #url = (queue: Queue): string => `${this.#baseUrl()}/${account}/${queue.name}`;

  #create({ QueueName, Attributes }: SqsRequest<'CreateQueue'>): Queue {
    const existing = this.byName(QueueName);
    const queue = existing ?? new Queue(QueueName, this.#clock, (arn) => this.byArn(arn));
    const settings = changeSettings(queue.settings, Attributes);
    if (existing === undefined) {
      queue.settings = this.#checked(settings);
      this.#queues.set(QueueName, queue);
    } else if (JSON.stringify(settings) !== JSON.stringify(existing.settings)) {
      throw new AwsError(
        'QueueNameExists',
        `A queue already exists with the same name and a different value for an attribute`,
        400,
        'QueueAlreadyExists',
      );
    }
    return queue;
  }

  #checked(settings: Queue['settings']): Queue['settings'] {
    const target = settings.redrive?.deadLetterTargetArn;
    if (target === undefined || this.byArn(target) !== undefined) return settings;
    throw invalidParameter(
      `Value ${target} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
    );
  }

  #attributes(queue: Queue, names: string[]): Record<string, string> {
    const counts = queue.counts();
    const all: Record<string, string> = {
      ...describeSettings(queue.settings),
      QueueArn: queue.arn,
      CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
      ApproximateNumberOfMessages: String(counts.visible),
      ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
      ApproximateNumberOfMessagesDelayed: String(counts.delayed),
    };
    if (names.includes('All')) return all;
    return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
  }

  readonly #actions: Actions = {
    CreateQueue: (request) => ({ QueueUrl: this.#url(this.#create(request)) }),
    DeleteQueue: ({ QueueUrl }) => {
      const queue = this.#queue(QueueUrl);
      this.#queues.delete(queue.name);
      queue.close();
    },
    GetQueueUrl: ({ QueueName }) => ({ QueueUrl: this.#url(this.#queue(QueueName)) }),
    ListQueues: ({ QueueNamePrefix }) => {
      const queues = [...this.#queues.values()];
      const found = queues.filter((queue) => queue.name.startsWith(QueueNamePrefix));
      return { QueueUrls: found.map(this.#url) };
    },
    GetQueueAttributes: ({ QueueUrl, AttributeNames }) => ({
      Attributes: this.#attributes(this.#queue(QueueUrl), AttributeNames),
    }),
    SetQueueAttributes: ({ QueueUrl, Attributes }) => {
      const queue = this.#queue(QueueUrl);
      queue.settings = this.#checked(changeSettings(queue.settings, Attributes));
    },
    PurgeQueue: ({ QueueUrl }) => this.#queue(QueueUrl).purge(),
    SendMessage: (request) => send(this.#queue(request.QueueUrl), request),
    SendMessageBatch: ({ QueueUrl, Entries }) => sendBatch(this.#queue(QueueUrl), Entries),
    ReceiveMessage: async (request, signal) => {
      const received = await this.#queue(request.QueueUrl).receive({
        max: request.MaxNumberOfMessages,
        signal,
        ...(request.WaitTimeSeconds !== undefined && { waitSeconds: request.WaitTimeSeconds }),
        ...(request.VisibilityTimeout !== undefined && {
          visibilitySeconds: request.VisibilityTimeout,
        }),
      });
      return { Messages: received.map((item) => onTheWire(item, request)) };
    },
    DeleteMessage: ({ QueueUrl, ReceiptHandle }) => this.#queue(QueueUrl).delete(ReceiptHandle),
    DeleteMessageBatch: ({ QueueUrl, Entries }) => {
      const queue = this.#queue(QueueUrl);
      return eachEntry(Entries, (entry) => void queue.delete(entry.ReceiptHandle));
    },
    ChangeMessageVisibility: ({ QueueUrl, ReceiptHandle, VisibilityTimeout }) =>
      this.#queue(QueueUrl).changeVisibility(ReceiptHandle, VisibilityTimeout),
    ChangeMessageVisibilityBatch: ({ QueueUrl, Entries }) => {
      const queue = this.#queue(QueueUrl);
      return eachEntry(
        Entries,
        (entry) => void queue.changeVisibility(entry.ReceiptHandle, entry.VisibilityTimeout),
      );
    },
    StartMessageMoveTask: (request) => ({
      TaskHandle: this.#moveTasks.start(
        request.SourceArn,
        request.DestinationArn,
        request.MaxNumberOfMessagesPerSecond,
      ),
    }),
    ListMessageMoveTasks: ({ SourceArn, MaxResults }) => ({
      Results: this.#moveTasks.list(SourceArn, MaxResults),
    }),
    CancelMessageMoveTask: ({ TaskHandle }) => ({
      ApproximateNumberOfMessagesMoved: this.#moveTasks.cancel(TaskHandle),
    }),
  };
}
