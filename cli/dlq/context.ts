import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { awsDefaults } from '../../adapters/aws.ts';
import {
  type DeadLetterQueue,
  openDeadLetterQueue,
  queueUrlOf,
} from '../../adapters/dead-letters.ts';
import { createMoveTasks, type MoveTasks } from '../../adapters/move-tasks.ts';
import { createSecretStore } from '../../adapters/secret-store.ts';
import { parseSecret } from '../../adapters/secrets.ts';
import { readStackOutputs, type StackOutputs } from '../../adapters/stack-outputs.ts';
import { readArchivingStates } from '../../adapters/supabase/archiving-states.ts';
import { createDatabaseClient, type SupabaseAccess } from '../../adapters/supabase/client.ts';
import { ConfigurationError } from '../../core/environment.ts';
import { createLookup, type Lookup } from './lookup.ts';
import type { Options, Place } from './options.ts';

export const queueNames = ['dead-letter', 'schedule-dead-letter'] as const;
export type QueueName = (typeof queueNames)[number];

/** The queues as they are, and what is known of their tracks. */
export interface DlqContext {
  archiveArn: string;
  queues: Record<QueueName, DeadLetterQueue>;
  tasks: MoveTasks;
  lookup: Lookup;
  /** Puts a message on the archive queue. */
  send(body: string): Promise<void>;
}

interface Addresses {
  archive: string;
  deadLetter: string;
  scheduleDeadLetter: string;
  secretId: string | undefined;
  /** That the stack serves, where there is a stack. */
  supabaseUrl: string | undefined;
}

/** Rejects where there is no stack or queue, or nobody may look; never where only the database is out of reach. */
export async function openDlqContext({ place, supabase }: Options): Promise<DlqContext> {
  const client = new SQSClient(awsDefaults);
  const addresses = await findAddresses(place, client);
  const { Attributes: { QueueArn: archiveArn = '' } = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: addresses.archive, AttributeNames: ['QueueArn'] }),
  );
  return {
    archiveArn,
    queues: {
      'dead-letter': await openDeadLetterQueue(client, addresses.deadLetter),
      'schedule-dead-letter': await openDeadLetterQueue(client, addresses.scheduleDeadLetter),
    },
    tasks: createMoveTasks(client),
    lookup: createLookup(async (trackIds) => {
      const database = createDatabaseClient(await findSupabase(supabase, addresses));
      return readArchivingStates(database, trackIds);
    }),
    async send(MessageBody) {
      await client.send(new SendMessageCommand({ QueueUrl: addresses.archive, MessageBody }));
    },
  };
}

async function findAddresses(place: Place, client: SQSClient): Promise<Addresses> {
  if (place.kind === 'queues') {
    return {
      archive: await queueUrlOf(client, place.archive),
      deadLetter: await queueUrlOf(client, place.deadLetter),
      scheduleDeadLetter: await queueUrlOf(client, place.scheduleDeadLetter),
      secretId: place.secretId,
      supabaseUrl: undefined,
    };
  }
  const outputs: StackOutputs = await readStackOutputs(
    new CloudFormationClient(awsDefaults),
    place.name,
  );
  return {
    archive: outputs.ArchiveQueueUrl,
    deadLetter: outputs.DeadLetterQueueUrl,
    scheduleDeadLetter: outputs.ScheduleDeadLetterQueueUrl,
    secretId: outputs.SecretArn,
    supabaseUrl: outputs.SupabaseUrl,
  };
}

const isSame = (one: string, other: string): boolean =>
  new URL(one).origin === new URL(other).origin;

async function findSupabase(
  given: Options['supabase'],
  { secretId, supabaseUrl }: Addresses,
): Promise<SupabaseAccess> {
  if (given.url !== undefined && supabaseUrl !== undefined && !isSame(given.url, supabaseUrl)) {
    // To another project's database every track of this one would look deleted.
    throw new ConfigurationError(
      `SUPABASE_URL is ${given.url}, but the stack serves ${supabaseUrl}: unset it, or name another --stack`,
    );
  }
  const url = given.url ?? supabaseUrl;
  if (given.key !== undefined && url !== undefined) {
    return { supabaseUrl: url, supabaseKey: given.key };
  }
  if (secretId === undefined) {
    throw new ConfigurationError('set SUPABASE_URL and SUPABASE_SECRET_KEY, or SECRET_ID');
  }
  const text = await createSecretStore(new SecretsManagerClient(awsDefaults), secretId).read();
  if (text === undefined) {
    throw new ConfigurationError('the secret in AWS has no value yet; npm run connect fills it');
  }
  return parseSecret(text);
}
