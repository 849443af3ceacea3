import {
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ResourceNotFoundException,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface QueueState {
  arn: string;
  /** ARN of the queue that takes what fails here. */
  deadLetterArn: string | undefined;
}

/** Rejects where there is no such queue, or no permission to look. */
export async function readQueue(client: SQSClient, url: string): Promise<QueueState> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['QueueArn', 'RedrivePolicy'],
    }),
  );
  const policy: unknown = JSON.parse(Attributes.RedrivePolicy ?? '{}');
  const target =
    typeof policy === 'object' && policy !== null && 'deadLetterTargetArn' in policy
      ? String(policy.deadLetterTargetArn)
      : undefined;
  return { arn: Attributes.QueueArn ?? '', deadLetterArn: target };
}

/** `ACTIVE` where schedules can be made. Rejects where there is no such group. */
export async function readScheduleGroupState(
  client: SchedulerClient,
  name: string,
): Promise<string> {
  const { State = 'unknown' } = await client.send(new GetScheduleGroupCommand({ Name: name }));
  return State;
}

export interface TimerState {
  isOn: boolean;
  /** Such as `rate(1 hour)`. */
  expression: string;
  /** ARN of what it invokes. */
  targetArn: string;
}

/** The recurring schedule `name` in the group of the same name; undefined where there is none. */
export async function readTimer(
  client: SchedulerClient,
  name: string,
): Promise<TimerState | undefined> {
  try {
    const schedule = await client.send(new GetScheduleCommand({ GroupName: name, Name: name }));
    const { State, ScheduleExpression = '', Target } = schedule;
    return {
      isOn: State === 'ENABLED',
      expression: ScheduleExpression,
      targetArn: Target?.Arn ?? '',
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
