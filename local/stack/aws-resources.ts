import {
  ConflictException,
  CreateScheduleGroupCommand,
  ListSchedulesCommand,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { maxReceiveCount, timings } from '../../core/timings.ts';

/** The names in the local AWS. */
export const names = {
  archiveQueue: 'track-archiver-archive',
  deadLetterQueue: 'track-archiver-dead-letter',
  scheduleDeadLetterQueue: 'track-archiver-schedule-dead-letter',
  scheduleGroup: 'track-archiver',
  secret: 'track-archiver',
} as const;

export interface CreatedQueue {
  url: string;
  arn: string;
}

export interface CreatedQueues {
  archive: CreatedQueue;
  deadLetter: CreatedQueue;
  scheduleDeadLetter: CreatedQueue;
}

/** Makes the queues, with what the deployed ones have of redrive, visibility and retention; again is fine. */
export async function createQueues(sqs: SQSClient): Promise<CreatedQueues> {
  const retention = { MessageRetentionPeriod: String(timings.queueRetention) };
  const create = async (name: string, attributes: Record<string, string>) => {
    const { QueueUrl: url = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: name, Attributes: { ...retention, ...attributes } }),
    );
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
    );
    return { url, arn: Attributes?.QueueArn ?? '' };
  };
  const deadLetter = await create(names.deadLetterQueue, {});
  const scheduleDeadLetter = await create(names.scheduleDeadLetterQueue, {});
  const archive = await create(names.archiveQueue, {
    VisibilityTimeout: String(timings.visibility),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetter.arn, maxReceiveCount }),
  });
  return { archive, deadLetter, scheduleDeadLetter };
}

export async function createScheduleGroup(scheduler: SchedulerClient): Promise<void> {
  try {
    await scheduler.send(new CreateScheduleGroupCommand({ Name: names.scheduleGroup }));
  } catch (error) {
    if (!(error instanceof ConflictException)) throw error;
  }
}

/** For an AWS endpoint that is not ours. */
export async function putSecret(secrets: SecretsManagerClient, value: string): Promise<void> {
  try {
    await secrets.send(new CreateSecretCommand({ Name: names.secret, SecretString: value }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
    await secrets.send(new PutSecretValueCommand({ SecretId: names.secret, SecretString: value }));
  }
}

export interface DeadLetter {
  trackId: string | undefined;
  code: string | undefined;
  reason: string | undefined;
}

/** The messages of the dead-letter queue with their reasons; they stay there, in flight for a second. */
export async function readDeadLetters(sqs: SQSClient, queueUrl: string): Promise<DeadLetter[]> {
  const letters = new Map<string | undefined, DeadLetter>();
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        VisibilityTimeout: 1,
      }),
    );
    const fresh = Messages.filter(({ MessageId }) => !letters.has(MessageId));
    if (fresh.length === 0) return [...letters.values()];
    for (const { MessageId, MessageAttributes: attributes } of fresh) {
      letters.set(MessageId, {
        trackId: attributes?.trackId?.StringValue,
        code: attributes?.code?.StringValue,
        reason: attributes?.reason?.StringValue,
      });
    }
  }
}

/** Names of the schedules in our group, at most 100. */
export async function readScheduleNames(scheduler: SchedulerClient): Promise<string[]> {
  const { Schedules = [] } = await scheduler.send(
    new ListSchedulesCommand({ GroupName: names.scheduleGroup }),
  );
  return Schedules.map(({ Name = '' }) => Name);
}
