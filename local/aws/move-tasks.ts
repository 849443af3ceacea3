import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AwsError, invalidParameter } from './aws-error.ts';
import type { Queue } from './queue.ts';

interface MoveTask {
  handle: string;
  status: 'RUNNING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';
  source: string;
  destination: string | undefined;
  perSecond: number | undefined;
  startedAt: number;
  toMove: number;
  moved: number;
  failure?: 'CouldNotDetermineMessageSource' | 'AWS.SimpleQueueService.NonExistentQueue';
}

const notFound = (what: string) =>
  new AwsError(
    'ResourceNotFoundException',
    `The resource that you specified for the ${what} parameter doesn't exist.`,
    404,
  );

/**
 * SQS's own redrive. Only from a queue that another SQS queue has as its dead-letter queue; one active
 * task a queue; a moved message is a new one with a receive count of zero; in-flight messages stay.
 */
export class MoveTasks {
  readonly #clock: Clock;
  readonly #queues: () => Iterable<Queue>;
  #tasks: MoveTask[] = [];

  constructor(clock: Clock, queues: () => Iterable<Queue>) {
    this.#clock = clock;
    this.#queues = queues;
  }

  start(source: string, destination: string | undefined, perSecond: number | undefined): string {
    const queue = this.#find(source);
    if (queue === undefined) throw notFound('SourceArn');
    if (destination !== undefined && this.#find(destination) === undefined) {
      throw notFound('DestinationArn');
    }
    const isDeadLetterQueue = [...this.#queues()].some(
      (other) => other.settings.redrive?.deadLetterTargetArn === source,
    );
    if (!isDeadLetterQueue) {
      throw invalidParameter('Source queue must be configured as a Dead Letter Queue.');
    }
    if (this.#tasks.some((task) => task.source === source && task.status === 'RUNNING')) {
      throw new AwsError(
        'UnsupportedOperation',
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
        400,
        'AWS.SimpleQueueService.UnsupportedOperation',
      );
    }
    const task: MoveTask = {
      handle: Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn: source })).toString(
        'base64',
      ),
      status: 'RUNNING',
      source,
      destination,
      perSecond,
      startedAt: this.#clock.now(),
      toMove: queue.counts().visible,
      moved: 0,
    };
    this.#tasks.unshift(task);
    this.#later(task);
    return task.handle;
  }

  /** In ListMessageMoveTasks' shape, newest first. */
  list(source: string, max: number) {
    if (this.#find(source) === undefined) throw notFound('SourceArn');
    const tasks = this.#tasks.filter((task) => task.source === source).slice(0, max);
    return tasks.map((task) => ({
      TaskHandle: task.status === 'RUNNING' ? task.handle : undefined,
      Status: task.status,
      SourceArn: task.source,
      DestinationArn: task.destination,
      MaxNumberOfMessagesPerSecond: task.perSecond,
      ApproximateNumberOfMessagesMoved: task.moved,
      ApproximateNumberOfMessagesToMove: task.toMove,
      FailureReason: task.failure,
      StartedTimestamp: task.startedAt,
    }));
  }

  /** Answers how many messages had been moved. */
  cancel(handle: string): number {
    const task = this.#tasks.find((other) => other.handle === handle);
    if (task?.status !== 'RUNNING') throw notFound('TaskHandle');
    task.status = 'CANCELLED';
    return task.moved;
  }

  wipe(): void {
    for (const task of this.#tasks) task.status = 'CANCELLED';
    this.#tasks = [];
  }

  #find(arn: string): Queue | undefined {
    return [...this.#queues()].find((queue) => queue.arn === arn);
  }

  #later(task: MoveTask): void {
    const pause = task.perSecond === undefined ? 0 : 1000 / task.perSecond;
    this.#clock.at(this.#clock.now() + pause, () => this.#moveOne(task));
  }

  #moveOne(task: MoveTask): void {
    if (task.status !== 'RUNNING') return;
    const now = this.#clock.now();
    const source = this.#find(task.source);
    const message = source?.messages.find((other) => other.visibleAt <= now);
    if (source === undefined || message === undefined || task.moved === task.toMove) {
      task.status = 'COMPLETED';
      return;
    }
    const destination = task.destination ?? message.sourceArn;
    const target = destination === undefined ? undefined : this.#find(destination);
    if (target === undefined) {
      task.status = 'FAILED';
      task.failure =
        destination === undefined
          ? 'CouldNotDetermineMessageSource'
          : 'AWS.SimpleQueueService.NonExistentQueue';
      return;
    }
    source.remove(message);
    target.send(message.body, {
      attributes: message.attributes,
      delaySeconds: 0,
      traceHeader: message.traceHeader,
    });
    task.moved += 1;
    this.#later(task);
  }
}
