import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { AwsError, account, region } from './aws-error.ts';
import type { Message, MessageAttributes } from './message.ts';

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** The attributes that we set on queues, with the ranges of the SQS API reference; in seconds. */
export const QueueSettings = z.strictObject({
  VisibilityTimeout: whole(0, 43_200).default(30),
  MessageRetentionPeriod: whole(60, 1_209_600).default(345_600),
  RedrivePolicy: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: whole(1, 1000) }))
    .optional(),
});
export type QueueSettings = z.infer<typeof QueueSettings>;

export interface Receive {
  max: number;
  waitSeconds: number;
  /** By default the queue's. */
  visibilitySeconds: number | undefined;
  /** Aborted when the caller is gone, so that a message is not handed to nobody. */
  signal: AbortSignal;
}

/** Finds a queue by its ARN. */
export type FindQueue = (arn: string | undefined) => Queue | undefined;

/** A standard SQS queue in memory, in the order of sending. */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly settings: QueueSettings;
  readonly #clock: Clock;
  readonly #find: FindQueue;
  readonly #createdAt: number;
  #messages: Message[] = [];
  readonly #closing = new AbortController();
  /** Wakes those who wait: a message may be visible now. */
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(name: string, settings: QueueSettings, clock: Clock, find: FindQueue) {
    this.name = name;
    this.arn = `arn:aws:sqs:${region}:${account}:${name}`;
    this.settings = settings;
    this.#clock = clock;
    this.#find = find;
    this.#createdAt = clock.now();
  }

  /** Every message that is kept, whatever its state. */
  get messages(): readonly Message[] {
    const oldest = this.#clock.now() - this.settings.MessageRetentionPeriod * 1000;
    this.#messages = this.#messages.filter((message) => message.sentAt > oldest);
    return this.#messages;
  }

  /** How many long polls wait for a message. */
  get waiting(): number {
    return this.#changes.listenerCount('change');
  }

  /** Messages that can be received, and that somebody holds. */
  counts(): { visible: number; inFlight: number } {
    const { messages } = this;
    const visible = messages.filter(({ visibleAt }) => visibleAt <= this.#clock.now()).length;
    return { visible, inFlight: messages.length - visible };
  }

  /** In GetQueueAttributes' shape. */
  attributes(): Record<string, string | undefined> {
    const { VisibilityTimeout, MessageRetentionPeriod, RedrivePolicy } = this.settings;
    const { visible, inFlight } = this.counts();
    return {
      QueueArn: this.arn,
      VisibilityTimeout: String(VisibilityTimeout),
      MessageRetentionPeriod: String(MessageRetentionPeriod),
      RedrivePolicy: RedrivePolicy && JSON.stringify(RedrivePolicy),
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: String(Math.floor(this.#createdAt / 1000)),
    };
  }

  send(body: string, attributes: MessageAttributes = {}): Message {
    const now = this.#clock.now();
    const id = randomUUID();
    return this.#accept({ id, body, attributes, sentAt: now, visibleAt: now, receives: 0 });
  }

  /** Up to `max` visible messages; waits for the first one if there is none. */
  async receive(options: Receive): Promise<Message[]> {
    const timeout = AbortSignal.timeout(options.waitSeconds * 1000);
    const end = AbortSignal.any([options.signal, this.#closing.signal, timeout]);
    for (;;) {
      const taken = options.signal.aborted ? [] : this.#take(options);
      if (taken.length > 0 || options.waitSeconds === 0 || end.aborted) return taken;
      const cancelAlarm = this.#wakeWhenDue();
      // Rejects at the end of the wait.
      await once(this.#changes, 'change', { signal: end }).catch(() => {});
      cancelAlarm();
    }
  }

  /** A receipt that a later receive has replaced deletes nothing, without an error. */
  delete(receipt: string): undefined {
    this.remove(this.#held(receipt));
  }

  remove(message: Message | undefined): void {
    this.#messages = this.#messages.filter((other) => other !== message);
  }

  changeVisibility(receipt: string, seconds: number): undefined {
    const message = this.#held(receipt);
    if (message === undefined || message.visibleAt <= this.#clock.now()) {
      const reason = 'Message does not exist or is not available for visibility timeout change.';
      throw new AwsError('InvalidParameterValue', `${receipt} is invalid. Reason: ${reason}`);
    }
    message.visibleAt = this.#clock.now() + seconds * 1000;
    this.#changes.emit('change');
  }

  /** Loses the messages and ends long polls; for a queue that is deleted. */
  close(): void {
    this.#messages = [];
    this.#closing.abort();
  }

  #take({ max, visibilitySeconds = this.settings.VisibilityTimeout }: Receive): Message[] {
    const now = this.#clock.now();
    const taken: Message[] = [];
    for (const message of this.messages) {
      if (taken.length === max) break;
      if (message.visibleAt > now || this.#giveUp(message)) continue;
      message.receives += 1;
      message.receipt = randomUUID();
      message.firstReceivedAt ??= now;
      message.visibleAt = now + visibilitySeconds * 1000;
      taken.push(message);
    }
    return taken;
  }

  /** To the dead-letter queue, with its id and time of sending, if this receive would be one too many. */
  #giveUp(message: Message): boolean {
    const { RedrivePolicy } = this.settings;
    const target = this.#find(RedrivePolicy?.deadLetterTargetArn);
    if (target === undefined || message.receives < (RedrivePolicy?.maxReceiveCount ?? 0)) {
      return false;
    }
    this.remove(message);
    target.#accept({ ...message, sourceArn: this.arn, visibleAt: this.#clock.now() });
    return true;
  }

  /** The message of a receipt that still holds. */
  #held(receipt: string): Message | undefined {
    if (/^[0-9a-f-]{36}$/.test(receipt)) {
      return this.messages.find((message) => message.receipt === receipt);
    }
    throw new AwsError('ReceiptHandleIsInvalid', `The receipt handle "${receipt}" is not valid.`);
  }

  #accept(message: Message): Message {
    this.#messages.push(message);
    this.#changes.emit('change');
    return message;
  }

  /** An alarm for the next message in flight, while somebody waits; returns its cancellation. */
  #wakeWhenDue(): () => void {
    const now = this.#clock.now();
    const due = this.messages.map((message) => message.visibleAt).filter((time) => time > now);
    if (due.length === 0) return () => {};
    return this.#clock.at(Math.min(...due), () => this.#changes.emit('change'));
  }
}
