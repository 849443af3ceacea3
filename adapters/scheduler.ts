import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { archiveMessage } from '../core/message.ts';
import { atExpression, scheduleName } from '../core/schedule.ts';

export interface SchedulerOptions {
  client: SchedulerClient;
  group: string;
  /** Lets EventBridge Scheduler send to the queue. */
  roleArn: string;
  queueArn: string;
  deadLetterArn: string;
}

export interface Scheduler {
  /**
   * Creates the track's one schedule, or moves it. `window` is in minutes, 0 for none.
   * Returns whether there was one before.
   */
  put(trackId: string, due: Date, window: number): Promise<'created' | 'updated'>;
  /** Deletes the track's schedule; one that is not there is fine. */
  remove(trackId: string): Promise<void>;
}

/** How often create and update may take turns when others create and delete the same schedule. */
const maxTurns = 3;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { client, group } = options;
  return {
    async put(trackId, due, window) {
      const schedule = scheduleInput(options, trackId, due, window);
      for (let turn = 1; ; turn++) {
        try {
          await client.send(new CreateScheduleCommand(schedule));
          return 'created';
        } catch (error) {
          if (!(error instanceof ConflictException) || turn === maxTurns) throw error;
        }
        try {
          await client.send(new UpdateScheduleCommand(schedule));
          return 'updated';
        } catch (error) {
          // It fired or was deleted since the conflict: create it again.
          if (!(error instanceof ResourceNotFoundException)) throw error;
        }
      }
    },
    async remove(trackId) {
      try {
        await client.send(
          new DeleteScheduleCommand({ GroupName: group, Name: scheduleName(trackId) }),
        );
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    },
  };
}

function scheduleInput(
  options: SchedulerOptions,
  trackId: string,
  due: Date,
  window: number,
): CreateScheduleCommandInput {
  return {
    GroupName: options.group,
    Name: scheduleName(trackId),
    ScheduleExpression: atExpression(due),
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow:
      window > 0 ? { Mode: 'FLEXIBLE', MaximumWindowInMinutes: window } : { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: {
      Arn: options.queueArn,
      RoleArn: options.roleArn,
      Input: archiveMessage(trackId, 'schedule'),
      // The service's maxima: a day, 185 attempts.
      RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      DeadLetterConfig: { Arn: options.deadLetterArn },
    },
  };
}
