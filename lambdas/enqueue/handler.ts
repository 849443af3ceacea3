import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { awsDefaults } from '../../adapters/aws.ts';
import { createSendTrack } from '../../adapters/queue.ts';
import { createScheduler } from '../../adapters/scheduler.ts';
import { createReadSecret } from '../../adapters/secrets.ts';
import { createDatabaseClient } from '../../adapters/supabase/client.ts';
import { createTracks } from '../../adapters/supabase/tracks.ts';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { type ReceiveWebhookDependencies, receiveWebhook } from '../../app/receive-webhook.ts';
import { enqueueEnvironment, parseConfiguration } from '../../core/environment.ts';
import { memoizeLatest } from '../../core/memoize.ts';
import { maxWebhookBytes } from '../../core/timings.ts';
import { requestOf, resultOf } from '../function-url.ts';

const environment = parseConfiguration(
  'environment of the enqueue Lambda',
  enqueueEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const readSecret = createReadSecret(new SecretsManagerClient(awsDefaults), environment.SECRET_ID);
const tracksOf = memoizeLatest((access: Awaited<ReturnType<typeof readSecret>>) =>
  createTracks(createDatabaseClient(access), access.supabaseUrl),
);
const dependencies: ReceiveWebhookDependencies = {
  readWebhookSecrets: async () => (await readSecret()).webhookSecrets,
  tracks: async () => tracksOf(await readSecret()),
  scheduler: createScheduler({
    client: new SchedulerClient(awsDefaults),
    group: environment.SCHEDULE_GROUP,
    roleArn: environment.SCHEDULE_ROLE_ARN,
    queueArn: environment.ARCHIVE_QUEUE_ARN,
    deadLetterArn: environment.SCHEDULE_DEAD_LETTER_ARN,
  }),
  send: createSendTrack(new SQSClient(awsDefaults), environment.ARCHIVE_QUEUE_URL),
  now: () => new Date(),
  windowMinutes: environment.SCHEDULE_WINDOW_MINUTES,
  telemetry,
};

export const handler = (
  event: LambdaFunctionURLEvent,
  context: Context,
): Promise<LambdaFunctionURLResult> =>
  telemetry.invocation(context, async () =>
    resultOf(await receiveWebhook(requestOf(event, maxWebhookBytes), dependencies)),
  );
