import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import { allow } from './allow.ts';
import { archiveMemory, archiveVariables } from './archive-worker.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Queues } from './queues.ts';
import type { SecretStore } from './secret-store.ts';

interface ArchiveTracksEndpointProps {
  config: Config;
  bundles: string;
  secret: SecretStore;
  queues: Queues;
}

/**
 * The manual endpoint: an address that archives tracks now and responds when it is done.
 *
 * A function URL waits for its Lambda for 15 minutes, so one request may take the Lambda's whole
 * timeout; a caller that hangs up earlier does not stop it. Requests at once are bounded by the
 * account's concurrency only: reserving a share for this Lambda would also take it from the others,
 * and AWS refuses it where less than 100 would be left unreserved, as in every new account.
 */
export class ArchiveTracksEndpoint extends Construct {
  readonly lambda: BundledFunction;
  readonly url: string;

  constructor(scope: Construct, id: string, props: ArchiveTracksEndpointProps) {
    super(scope, id);
    const { config, secret, queues } = props;
    this.lambda = new BundledFunction(this, 'Lambda', {
      lambda: 'archive-tracks',
      description: 'Archives tracks on request of whoever has the key of the service',
      config,
      bundles: props.bundles,
      timeout: Duration.seconds(timings.archiveTimeout),
      memoryMegabytes: archiveMemory,
      environment: archiveVariables(config, secret, queues),
    });
    const { role } = this.lambda;
    secret.grantRead(role);
    allow(role, 'SendTracksAgain', ['sqs:SendMessage'], [queues.archive.queueArn]);
    allow(role, 'SendDeadLetters', ['sqs:SendMessage'], [queues.deadLetters.queueArn]);
    // Callers have Supabase's service key and no AWS key: the Lambda compares it before anything else.
    this.url = this.lambda.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url;
  }
}
