import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { createClock } from '../../../local/clock.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { until } from '../../support/until.ts';

/**
 * The contract tests say what we rely on of AWS. They run against our endpoint, or against any other
 * (AWS itself, an emulator) whose address CONTRACT_AWS_ENDPOINT_URL gives, with the credentials and
 * region of the environment. There `pass` waits in real time; here the clock jumps.
 * `npm run test:contract` compares ours with the emulators of test/contract.
 */
const otherEndpoint = process.env.CONTRACT_AWS_ENDPOINT_URL;

/** Milliseconds in which a due schedule has to arrive: AWS promises 60 seconds, an emulator may be held to less. */
export const schedulePatience = Number(process.env.CONTRACT_SCHEDULE_PATIENCE_MS ?? 90_000);

export interface Contract {
  sqs: SQSClient;
  scheduler: SchedulerClient;
  secrets: SecretsManagerClient;
  /** Lets time pass. */
  pass(seconds: number): Promise<void>;
  /** The endpoint's time, milliseconds. */
  now(): number;
  /** A new queue, deleted after the test. */
  createQueue(attributes?: Record<string, string>): Promise<TestQueue>;
  /** A name for a secret, which is deleted after the test. */
  secretName(): string;
}

export interface TestQueue {
  name: string;
  url: string;
  arn: string;
}

export async function connect(t: Cleanup): Promise<Contract> {
  const clock = createClock();
  const own =
    otherEndpoint === undefined ? await startAwsEndpoint({ clock, secrets: {} }) : undefined;
  const client = {
    endpoint: own?.url ?? otherEndpoint ?? '',
    region: process.env.AWS_REGION ?? 'us-east-1',
    ...(process.env.AWS_ACCESS_KEY_ID === undefined && {
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    }),
  };
  const sqs = new SQSClient(client);
  const scheduler = new SchedulerClient(client);
  const secrets = new SecretsManagerClient(client);
  const urls: string[] = [];
  const secretNames: string[] = [];
  t.onTestFinished(async () => {
    for (const QueueUrl of urls) {
      await sqs.send(new DeleteQueueCommand({ QueueUrl })).catch(() => {});
    }
    for (const SecretId of own === undefined ? secretNames : []) {
      const command = new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true });
      await secrets.send(command).catch(() => {});
    }
    for (const each of [sqs, scheduler, secrets]) each.destroy();
    await own?.stop();
  });
  return {
    sqs,
    scheduler,
    secrets,
    now: () => clock.now(),
    pass: (seconds) =>
      own === undefined ? delay(seconds * 1000) : clock.advanceTo(clock.now() + seconds * 1000),
    async createQueue(Attributes = {}) {
      const name = `contract-${randomUUID()}`;
      const { QueueUrl: url = '' } = await sqs.send(
        new CreateQueueCommand({ QueueName: name, Attributes }),
      );
      urls.push(url);
      const { QueueArn: arn = '' } = await attributesOf(sqs, url, ['QueueArn']);
      return { name, url, arn };
    },
    secretName() {
      const name = `contract-${randomUUID()}`;
      secretNames.push(name);
      return name;
    },
  };
}

export async function attributesOf(
  sqs: SQSClient,
  QueueUrl: string,
  AttributeNames: QueueAttributeName[] = ['All'],
): Promise<Record<string, string>> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames });
  return (await sqs.send(command)).Attributes ?? {};
}

/** One receive of up to ten messages with all their attributes, that does not wait. */
export async function receive(sqs: SQSClient, QueueUrl: string, VisibilityTimeout?: number) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...(VisibilityTimeout !== undefined && { VisibilityTimeout }),
    }),
  );
  return Messages;
}

/** The next message, as soon as one is visible: some look only now and then whose visibility timeout is over. */
export async function receiveNext(sqs: SQSClient, QueueUrl: string) {
  const message = await until(async () => (await receive(sqs, QueueUrl))[0], {
    what: 'a visible message',
  });
  return message;
}

/** A queue that gives a message up to `deadLetters` after `maxReceiveCount` receives. */
export async function createQueuePair(contract: Contract, maxReceiveCount: number) {
  const deadLetters = await contract.createQueue();
  const queue = await contract.createQueue({
    VisibilityTimeout: '1',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount }),
  });
  return { queue, deadLetters };
}
