import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { archiveEnvironment, EnvironmentOf } from '../../core/environment.ts';
import { batchSize, timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import { allow } from './allow.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Queues } from './queues.ts';
import type { SecretStore } from './secret-store.ts';

interface ArchiveWorkerProps {
  config: Config;
  bundles: string;
  secret: SecretStore;
  queues: Queues;
}

/**
 * Megabytes of a Lambda that archives. Files are streamed: ten tracks at once stay under 200 MB
 * (`npm run bench:memory`). The rest is for the CPU that comes with memory: TLS twice and SHA-256 for
 * each byte.
 */
export const archiveMemory = 512;

/** The environment of a Lambda that archives, whoever asks it to. */
export const archiveVariables = (config: Config, secret: SecretStore, queues: Queues) =>
  ({
    SECRET_ID: secret.arn,
    ARCHIVE_QUEUE_URL: queues.archive.queueUrl,
    DEAD_LETTER_QUEUE_URL: queues.deadLetters.queueUrl,
    PROVIDER_TIMEOUT_MS: String(config.providerTimeoutSeconds * 1000),
  }) satisfies Omit<EnvironmentOf<typeof archiveEnvironment>, 'POWERTOOLS_SERVICE_NAME'>;

/** The Lambda that copies tracks to Storage, fed by the archive queue. */
export class ArchiveWorker extends Construct {
  readonly lambda: BundledFunction;

  constructor(scope: Construct, id: string, props: ArchiveWorkerProps) {
    super(scope, id);
    const { config, secret, queues } = props;
    this.lambda = new BundledFunction(this, 'Lambda', {
      lambda: 'archive',
      description: 'Copies the files of tracks from their provider to Supabase Storage',
      config,
      bundles: props.bundles,
      timeout: Duration.seconds(timings.archiveTimeout),
      memoryMegabytes: archiveMemory,
      environment: archiveVariables(config, secret, queues),
    });
    const { role } = this.lambda;
    secret.grantRead(role);
    allow(
      role,
      'ConsumeQueue',
      [
        'sqs:ReceiveMessage',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ChangeMessageVisibility',
      ],
      [queues.archive.queueArn],
    );
    allow(role, 'SendDeadLetters', ['sqs:SendMessage'], [queues.deadLetters.queueArn]);
    // Not SqsEventSource: its grants are wider than the statement above.
    this.lambda.function.addEventSourceMapping('Queue', {
      eventSourceArn: queues.archive.queueArn,
      batchSize,
      maxConcurrency: config.maxConcurrency,
      reportBatchItemFailures: true,
    });
  }
}
