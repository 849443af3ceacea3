import './young-generation.ts';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { awsDefaults } from '../../adapters/aws.ts';
import { parseAddressOverrides } from '../../adapters/provider/overrides.ts';
import { createProvider } from '../../adapters/provider/provider.ts';
import { createArchiveQueue } from '../../adapters/queue.ts';
import { createReadSecret } from '../../adapters/secrets.ts';
import { createDatabaseClient } from '../../adapters/supabase/client.ts';
import { createStorage } from '../../adapters/supabase/storage.ts';
import { createTracks } from '../../adapters/supabase/tracks.ts';
import { createTelemetry } from '../../adapters/telemetry.ts';
import {
  type ArchiverSecret,
  archiveEnvironment,
  parseConfiguration,
} from '../../core/environment.ts';
import { memoizeLatest } from '../../core/memoize.ts';
import { timings } from '../../core/timings.ts';
import { archiveTrack } from './archive-track.ts';
import { processBatch } from './batch.ts';
import { startBudget } from './budget.ts';
import { settleMessage } from './settle.ts';

const environment = parseConfiguration(
  "The archive Lambda's environment",
  archiveEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const readSecret = createReadSecret(new SecretsManagerClient(awsDefaults), environment.SECRET_ID);
const supabaseOf = memoizeLatest((access: ArchiverSecret) => ({
  tracks: createTracks(createDatabaseClient(access)),
  storage: createStorage(access),
}));
const provider = createProvider({
  timeout: environment.PROVIDER_TIMEOUT_MS,
  overrides: parseAddressOverrides(
    environment.PROVIDER_ADDRESS_OVERRIDES,
    environment.AWS_ENDPOINT_URL,
  ),
});
const queue = createArchiveQueue({
  client: new SQSClient(awsDefaults),
  queueUrl: environment.ARCHIVE_QUEUE_URL,
  deadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
});
const retry = { random: Math.random, baseDelay: environment.RETRY_BASE_DELAY_MS };

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  telemetry.invocation(context, async () => {
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    const worker = context.awsRequestId;
    try {
      return await processBatch(event, {
        queue,
        telemetry,
        settle: (record) =>
          settleMessage(record, {
            archive: async (trackId) => {
              const supabase = supabaseOf(await readSecret());
              return archiveTrack(
                trackId,
                { ...supabase, provider, telemetry, worker, retry },
                budget,
              );
            },
            tracks: async () => supabaseOf(await readSecret()).tracks,
            queue,
            telemetry,
            now: () => new Date(),
          }),
      });
    } finally {
      budget.end();
    }
  });
