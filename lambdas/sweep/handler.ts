import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { awsDefaults } from '../../adapters/aws.ts';
import { openDeadLetterQueue } from '../../adapters/dead-letters.ts';
import { createMoveTasks } from '../../adapters/move-tasks.ts';
import { createArchiveQueue, createSendTrack, readInFlight } from '../../adapters/queue.ts';
import { createScheduler } from '../../adapters/scheduler.ts';
import { createReadSecret } from '../../adapters/secrets.ts';
import { readArchivingStates } from '../../adapters/supabase/archiving-states.ts';
import { createDatabaseClient } from '../../adapters/supabase/client.ts';
import { createStorage } from '../../adapters/supabase/storage.ts';
import { createSweepRecord } from '../../adapters/supabase/sweep-record.ts';
import { createTracks } from '../../adapters/supabase/tracks.ts';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { startBudget } from '../../app/budget.ts';
import { type SweepResult, sweep } from '../../app/sweep.ts';
import { parseConfiguration, sweepEnvironment } from '../../core/environment.ts';
import { maxReceiveCount, timings } from '../../core/timings.ts';

const environment = parseConfiguration(
  'environment of the sweep Lambda',
  sweepEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const readSecret = createReadSecret(new SecretsManagerClient(awsDefaults), environment.SECRET_ID);
const sqs = new SQSClient(awsDefaults);
const queueUrl = environment.ARCHIVE_QUEUE_URL;
const deadLetterQueueUrl = environment.DEAD_LETTER_QUEUE_URL;
const windowMinutes = environment.SCHEDULE_WINDOW_MINUTES;
const scheduler = createScheduler({
  client: new SchedulerClient(awsDefaults),
  group: environment.SCHEDULE_GROUP,
  roleArn: environment.SCHEDULE_ROLE_ARN,
  queueArn: environment.ARCHIVE_QUEUE_ARN,
  deadLetterArn: environment.SCHEDULE_DEAD_LETTER_ARN,
});

/** Runs by the clock; its event says nothing. */
export const handler = (_event: unknown, context: Context): Promise<SweepResult> =>
  telemetry.invocation(context, async () => {
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    try {
      const access = await readSecret();
      const client = createDatabaseClient(access);
      const enqueue = {
        tracks: createTracks(client, access.supabaseUrl),
        scheduler,
        send: createSendTrack(sqs, queueUrl),
        now: () => new Date(),
        windowMinutes,
      };
      return await sweep(
        {
          record: createSweepRecord(client, maxReceiveCount),
          storage: createStorage(access),
          readInFlight: () => readInFlight(sqs, queueUrl),
          enqueue,
          letters: {
            openQueue: () => openDeadLetterQueue(sqs, deadLetterQueueUrl),
            tasks: createMoveTasks(sqs),
            statesOf: (trackIds) => readArchivingStates(client, trackIds),
          },
          queue: createArchiveQueue({ client: sqs, queueUrl, deadLetterQueueUrl }),
          telemetry,
          archiveConcurrency: environment.ARCHIVE_CONCURRENCY,
        },
        budget,
      );
    } finally {
      budget.end();
    }
  });
