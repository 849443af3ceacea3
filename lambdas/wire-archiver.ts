import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { z } from 'zod';
import { awsDefaults } from '../adapters/aws.ts';
import { parseAddressOverrides } from '../adapters/provider/overrides.ts';
import { createProvider } from '../adapters/provider/provider.ts';
import { createArchiveQueue, createSendTrack } from '../adapters/queue.ts';
import { createReadSecret } from '../adapters/secrets.ts';
import { createDatabaseClient } from '../adapters/supabase/client.ts';
import { createSmallFetch } from '../adapters/supabase/fetch.ts';
import { createStorage } from '../adapters/supabase/storage.ts';
import { createTracks } from '../adapters/supabase/tracks.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import type { ArchiverSecret, archiveEnvironment } from '../core/environment.ts';
import { memoizeLatest } from '../core/memoize.ts';

/** The adapters of the two Lambdas that archive: the queue's consumer and the manual endpoint. */
export function wireArchiver(
  environment: z.output<typeof archiveEnvironment>,
  telemetry: Telemetry,
) {
  const readSecret = createReadSecret(new SecretsManagerClient(awsDefaults), environment.SECRET_ID);
  const supabaseOf = memoizeLatest((access: ArchiverSecret) => ({
    tracks: createTracks(createDatabaseClient(access, createSmallFetch()), access.supabaseUrl),
    storage: createStorage({ ...access, timeout: environment.STORAGE_TIMEOUT_MS }),
  }));
  const overrides = parseAddressOverrides(
    environment.PROVIDER_ADDRESS_OVERRIDES,
    environment.AWS_ENDPOINT_URL,
  );
  const client = new SQSClient(awsDefaults);
  const queueUrl = environment.ARCHIVE_QUEUE_URL;
  const deadLetterQueueUrl = environment.DEAD_LETTER_QUEUE_URL;
  return {
    readServiceKey: async () => (await readSecret()).supabaseKey,
    supabase: async () => supabaseOf(await readSecret()),
    provider: createProvider({ timeout: environment.PROVIDER_TIMEOUT_MS, overrides }),
    queue: createArchiveQueue({ client, queueUrl, deadLetterQueueUrl }),
    send: createSendTrack(client, queueUrl),
    retry: { random: Math.random, baseDelay: environment.RETRY_BASE_DELAY_MS },
    telemetry,
  };
}
