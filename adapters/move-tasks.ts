import {
  CancelMessageMoveTaskCommand,
  ListMessageMoveTasksCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';

/** SQS's own redrive of a dead-letter queue; it goes on without whoever started it. */
export interface MoveTask {
  status: 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';
  /** Only of a running task. */
  handle: string | undefined;
  /** Approximate. */
  moved: number;
  /** Messages in the queue when the task began; SQS does not report it at first. */
  toMove: number | undefined;
  failure: string | undefined;
  /** Milliseconds since the epoch; distinguishes one task from another. */
  startedAt: number | undefined;
}

export interface MoveTasks {
  /** False: this queue or this endpoint has no move tasks. Rejects where one is running already. */
  start(request: {
    source: string;
    destination: string;
    /** Messages a second, 1 to 500. */
    rate: number;
  }): Promise<boolean>;
  /** The latest of a queue, given by its ARN; undefined: there was none, or this endpoint has none. */
  latest(source: string): Promise<MoveTask | undefined>;
  /** A task that has ended meanwhile is left as it is. */
  cancel(handle: string): Promise<void>;
}

export function createMoveTasks(client: SQSClient): MoveTasks {
  return {
    async start({ source, destination, rate }) {
      try {
        await client.send(
          new StartMessageMoveTaskCommand({
            SourceArn: source,
            // Without it SQS fails at messages that were sent straight to the dead-letter queue.
            DestinationArn: destination,
            MaxNumberOfMessagesPerSecond: rate,
          }),
        );
        return true;
      } catch (error) {
        if (isUnknownAction(error) || isNoDeadLetterQueue(error)) return false;
        throw error;
      }
    },
    async latest(source) {
      const { Results: [task] = [] } = await client
        .send(new ListMessageMoveTasksCommand({ SourceArn: source, MaxResults: 1 }))
        .catch((error: unknown) => {
          if (isUnknownAction(error)) return { Results: [] };
          throw error;
        });
      if (task === undefined) return undefined;
      return {
        status: task.Status as MoveTask['status'],
        handle: task.TaskHandle,
        moved: Number(task.ApproximateNumberOfMessagesMoved ?? 0),
        toMove: task.ApproximateNumberOfMessagesToMove,
        failure: task.FailureReason,
        startedAt: task.StartedTimestamp,
      };
    },
    async cancel(handle) {
      try {
        await client.send(new CancelMessageMoveTaskCommand({ TaskHandle: handle }));
      } catch (error) {
        if (!(error instanceof Error && /NotFound|UnsupportedOperation/.test(error.name))) {
          throw error;
        }
      }
    },
  };
}

/** A move task takes messages in flight for gone and ends half-way: nobody receives any while it runs. */
export const isMoving = ({ status }: MoveTask): boolean =>
  status === 'RUNNING' || status === 'CANCELLING';

/** Emulators know SQS without its move tasks. */
const isUnknownAction = (error: unknown): boolean =>
  error instanceof Error && /InvalidAction|UnknownOperation|NotImplemented/.test(error.name);

const isNoDeadLetterQueue = (error: unknown): boolean =>
  error instanceof Error && /configured as a dead letter queue/i.test(error.message);
