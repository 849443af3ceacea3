import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ArchiverSecret } from '../../core/environment.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../aws/endpoint.ts';
import type { Clock } from '../clock.ts';
import {
  type CreatedQueues,
  createQueues,
  createScheduleGroup,
  names,
  putSecret,
} from './aws-resources.ts';

/** AWS's region and keys on one machine; the keys open nothing. */
export const awsAccess = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
} as const;

export interface Aws {
  /** Of SQS, EventBridge Scheduler and Secrets Manager. All but `url` only where the endpoint is ours. */
  endpoint: Pick<AwsEndpoint, 'url'> & Partial<Pick<AwsEndpoint, 'queue' | 'wipe'>>;
  queues: CreatedQueues;
  sqs: SQSClient;
  scheduler: SchedulerClient;
  stop(): Promise<void>;
}

/** Our AWS endpoint, or the given one, with the queues, the schedule group and the secret in it. */
export async function startAws(
  clock: Clock,
  secret: ArchiverSecret,
  given: string | undefined,
): Promise<Aws> {
  const text = JSON.stringify(secret);
  const own =
    given === undefined
      ? await startAwsEndpoint({ clock, secrets: { [names.secret]: text } })
      : undefined;
  const url = own?.url ?? given ?? '';
  const client = {
    endpoint: url,
    region: awsAccess.AWS_REGION,
    credentials: {
      accessKeyId: awsAccess.AWS_ACCESS_KEY_ID,
      secretAccessKey: awsAccess.AWS_SECRET_ACCESS_KEY,
    },
  };
  const sqs = new SQSClient(client);
  const scheduler = new SchedulerClient(client);
  if (own === undefined) await putSecret(new SecretsManagerClient(client), text);
  await createScheduleGroup(scheduler);
  return {
    endpoint: own ?? { url },
    queues: await createQueues(sqs),
    sqs,
    scheduler,
    stop: async () => {
      sqs.destroy();
      scheduler.destroy();
      await own?.stop();
    },
  };
}
