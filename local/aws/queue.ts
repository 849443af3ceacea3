import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AwsError, account, invalidParameter, region } from './aws-error.ts';
import type { MessageAttributes } from './message-attributes.ts';
import { defaultSettings, type QueueSettings } from './queue-attributes.ts';

/** A message in a queue. Times are milliseconds of the injected clock. */
export interface Message {
  id: string;
  body: string;
  attributes: MessageAttributes;
  traceHeader?: string;
  sentAt: number;
  visibleAt: number;
  receives: number;
  firstReceivedAt?: number;
  /** The queue that gave the message up to this dead-letter queue. */
  sourceArn?: string;
}

export interface Receive {
  max: number;
  waitSeconds?: number;
  visibilitySeconds?: number;
  /** Aborted when the caller is gone, so that a message is not handed to nobody. */
  signal?: AbortSignal;
}

export interface Received {
  message: Message;
  /** The handle that deletes the message or changes its visibility until it is received again. */
  receipt: string;
}

const receiptOf = (message: Message): string =>
  Buffer.from(`${message.id}/${message.receives}`).toString('base64');

/** A standard SQS queue in memory, in the order of sending. */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  settings: QueueSettings = defaultSettings;
  readonly #clock: Clock;
  /** Finds the dead-letter queue. */
  readonly #find: (arn: string) => Queue | undefined;
  readonly #messages = new Map<string, Message>();
  readonly #waiting = new Set<{ retry(): void; giveUp(): void }>();
  #cancelAlarm = () => {};

  constructor(name: string, clock: Clock, find: (arn: string) => Queue | undefined) {
    this.name = name;
    this.arn = `arn:aws:sqs:${region}:${account}:${name}`;
    this.createdAt = clock.now();
    this.#clock = clock;
    this.#find = find;
  }

  /** Every message that is kept, whatever its state. */
  get messages(): Message[] {
    const oldest = this.#clock.now() - this.settings.MessageRetentionPeriod * 1000;
    for (const message of this.#messages.values()) {
      if (message.sentAt <= oldest) this.#messages.delete(message.id);
    }
    return [...this.#messages.values()];
  }

  /** How many long polls wait for a message. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Messages that can be received, that somebody holds, and that are not yet due. */
  counts(): { visible: number; inFlight: number; delayed: number } {
    const now = this.#clock.now();
    const hidden = this.messages.filter((message) => message.visibleAt > now);
    const delayed = hidden.filter((message) => message.receives === 0).length;
    return {
      visible: this.messages.length - hidden.length,
      inFlight: hidden.length - delayed,
      delayed,
    };
  }

  send(
    body: string,
    options: {
      attributes?: MessageAttributes;
      delaySeconds?: number | undefined;
      traceHeader?: string | undefined;
    } = {},
  ): Message {
    const sentAt = this.#clock.now();
    const delay = options.delaySeconds ?? this.settings.DelaySeconds;
    const message: Message = {
      id: randomUUID(),
      body,
      attributes: options.attributes ?? {},
      sentAt,
      visibleAt: sentAt + delay * 1000,
      receives: 0,
    };
    if (options.traceHeader !== undefined) message.traceHeader = options.traceHeader;
    this.#accept(message);
    return message;
  }

  /** Up to `max` visible messages; waits for the first one if there is none. */
  async receive(options: Receive): Promise<Received[]> {
    const waitSeconds = options.waitSeconds ?? this.settings.ReceiveMessageWaitTimeSeconds;
    const taken = this.#take(options);
    if (taken.length > 0 || waitSeconds === 0) return taken;
    return new Promise((resolve) => {
      const end = (result: Received[]) => {
        clearTimeout(timeout);
        options.signal?.removeEventListener('abort', waiter.giveUp);
        this.#waiting.delete(waiter);
        resolve(result);
      };
      const waiter = {
        giveUp: () => end([]),
        retry: () => {
          const found = this.#take(options);
          if (found.length > 0) end(found);
        },
      };
      const timeout = setTimeout(waiter.giveUp, waitSeconds * 1000);
      options.signal?.addEventListener('abort', waiter.giveUp);
      this.#waiting.add(waiter);
      this.#wake();
    });
  }

  /** A receipt that a later receive has replaced deletes nothing, without an error. */
  delete(receipt: string): void {
    const message = this.#held(receipt);
    if (message !== undefined) this.remove(message);
  }

  remove(message: Message): void {
    this.#messages.delete(message.id);
  }

  changeVisibility(receipt: string, seconds: number): void {
    const message = this.#held(receipt);
    if (message === undefined || message.visibleAt <= this.#clock.now()) {
      const reason = 'Message does not exist or is not available for visibility timeout change.';
      throw invalidParameter(
        `Value ${receipt} for parameter ReceiptHandle is invalid. Reason: ${reason}`,
      );
    }
    message.visibleAt = this.#clock.now() + seconds * 1000;
    this.#wake();
  }

  purge(): void {
    this.#messages.clear();
  }

  /** Ends long polls; for a queue that is deleted. */
  close(): void {
    this.purge();
    this.#cancelAlarm();
    for (const waiter of this.#waiting) waiter.giveUp();
  }

  #take({ max, visibilitySeconds, signal }: Receive): Received[] {
    if (signal?.aborted) return [];
    const now = this.#clock.now();
    const visibility = visibilitySeconds ?? this.settings.VisibilityTimeout;
    const taken: Received[] = [];
    for (const message of this.messages) {
      if (taken.length === max) break;
      if (message.visibleAt > now || this.#giveUp(message)) continue;
      message.receives += 1;
      message.firstReceivedAt ??= now;
      message.visibleAt = now + visibility * 1000;
      taken.push({ message, receipt: receiptOf(message) });
    }
    return taken;
  }

  /** To the dead-letter queue, with its id and time of sending, if this receive would be one too many. */
  #giveUp(message: Message): boolean {
    const { redrive } = this.settings;
    if (redrive === undefined || message.receives < redrive.maxReceiveCount) return false;
    const target = this.#find(redrive.deadLetterTargetArn);
    if (target === undefined) return false;
    this.remove(message);
    target.#accept({ ...message, sourceArn: this.arn, visibleAt: this.#clock.now() });
    return true;
  }

  #held(receipt: string): Message | undefined {
    const id = Buffer.from(receipt, 'base64').toString().split('/', 1)[0] ?? '';
    if (!/^[0-9a-f-]{36}$/.test(id)) {
      throw new AwsError(
        'ReceiptHandleIsInvalid',
        `The input receipt handle "${receipt}" is not a valid receipt handle.`,
        404,
      );
    }
    const message = this.#messages.get(id);
    return message !== undefined && receiptOf(message) === receipt ? message : undefined;
  }

  #accept(message: Message): void {
    this.#messages.set(message.id, message);
    this.#wake();
  }

  /** Serves those who wait, oldest first, and comes back when the next hidden message is due. */
  #wake(): void {
    this.#cancelAlarm();
    for (const waiter of this.#waiting) waiter.retry();
    if (this.#waiting.size === 0) return;
    const now = this.#clock.now();
    const due = this.messages.map((message) => message.visibleAt).filter((time) => time > now);
    if (due.length > 0) this.#cancelAlarm = this.#clock.at(Math.min(...due), () => this.#wake());
  }
}
