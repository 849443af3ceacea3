import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { AwsError, notFound } from './aws-error.ts';
import type { Queue } from './queue.ts';

/** What the actions take. */
export const moveRequests = {
  start: {
    SourceArn: z.string(),
    DestinationArn: z.string().optional(),
    MaxNumberOfMessagesPerSecond: z.number().int().min(1).max(500).optional(),
  },
  list: { SourceArn: z.string(), MaxResults: z.number().int().min(1).max(10).default(1) },
  cancel: { TaskHandle: z.string() },
};
type Start = z.infer<z.ZodObject<typeof moveRequests.start>>;

/** In ListMessageMoveTasks' shape. */
interface MoveTask extends Start {
  TaskHandle: string;
  Status: 'RUNNING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';
  ApproximateNumberOfMessagesMoved: number;
  ApproximateNumberOfMessagesToMove: number;
  FailureReason?: string;
  StartedTimestamp: number;
}

/**
 * SQS's own redrive. Only from a queue that another SQS queue has as its dead-letter queue; one active
 * task a queue; a moved message is a new one with a receive count of zero; in-flight messages stay. Goes on
 * with what comes into the queue meanwhile: AWS does not say, and whoever relies on less must bound it.
 */
export function createMoveTasks(clock: Clock, queues: () => Queue[]) {
  /** Newest first. */
  let tasks: MoveTask[] = [];
  const find = (arn: string | undefined) => queues().find((queue) => queue.arn === arn);

  function existing(arn: string): Queue {
    const queue = find(arn);
    if (queue === undefined) throw notFound(`The queue ${arn}`);
    return queue;
  }

  function later(task: MoveTask): void {
    const pause = 1000 / (task.MaxNumberOfMessagesPerSecond ?? Number.POSITIVE_INFINITY);
    clock.at(clock.now() + pause, () => {
      if (task.Status === 'RUNNING') moveOne(task);
    });
  }

  function moveOne(task: MoveTask): void {
    const source = find(task.SourceArn);
    const message = source?.messages.find(({ visibleAt }) => visibleAt <= clock.now());
    if (source === undefined || message === undefined) {
      task.Status = 'COMPLETED';
      return;
    }
    const destination = task.DestinationArn ?? message.sourceArn;
    const target = find(destination);
    if (target === undefined) {
      task.Status = 'FAILED';
      task.FailureReason =
        destination === undefined
          ? 'CouldNotDetermineMessageSource'
          : 'AWS.SimpleQueueService.NonExistentQueue';
      return;
    }
    source.remove(message);
    target.send(message.body, message.attributes);
    task.ApproximateNumberOfMessagesMoved += 1;
    later(task);
  }

  return {
    start(request: Start) {
      const { SourceArn, DestinationArn } = request;
      const source = existing(SourceArn);
      if (DestinationArn !== undefined) existing(DestinationArn);
      const redrives = queues().map(({ settings }) => settings.RedrivePolicy);
      if (!redrives.some((redrive) => redrive?.deadLetterTargetArn === SourceArn)) {
        const message = 'Source queue must be configured as a Dead Letter Queue.';
        throw new AwsError('InvalidParameterValue', message);
      }
      if (tasks.some((task) => task.SourceArn === SourceArn && task.Status === 'RUNNING')) {
        const message = 'There is already a task running. Only one is allowed for a source queue.';
        throw new AwsError('UnsupportedOperation', message);
      }
      const task: MoveTask = {
        ...request,
        TaskHandle: randomUUID(),
        Status: 'RUNNING',
        ApproximateNumberOfMessagesMoved: 0,
        ApproximateNumberOfMessagesToMove: source.counts().visible,
        StartedTimestamp: clock.now(),
      };
      tasks.unshift(task);
      later(task);
      return { TaskHandle: task.TaskHandle };
    },
    list({ SourceArn, MaxResults }: { SourceArn: string; MaxResults: number }) {
      const source = existing(SourceArn).arn;
      const found = tasks.filter((task) => task.SourceArn === source).slice(0, MaxResults);
      // SQS shows the handle of a running task only.
      const shown = ({ TaskHandle, ...task }: MoveTask) =>
        task.Status === 'RUNNING' ? { TaskHandle, ...task } : task;
      return { Results: found.map(shown) };
    },
    cancel({ TaskHandle }: { TaskHandle: string }) {
      const task = tasks.find((other) => other.TaskHandle === TaskHandle);
      if (task?.Status !== 'RUNNING') throw notFound('The running task of this handle');
      task.Status = 'CANCELLED';
      return { ApproximateNumberOfMessagesMoved: task.ApproximateNumberOfMessagesMoved };
    },
    wipe() {
      for (const task of tasks) task.Status = 'CANCELLED';
      tasks = [];
    },
  };
}
