import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { EnvironmentOf, enqueueEnvironment } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import { allow } from './allow.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Queues } from './queues.ts';
import type { Schedules } from './schedules.ts';
import type { SecretStore } from './secret-store.ts';

interface EnqueueEndpointProps {
  config: Config;
  bundles: string;
  secret: SecretStore;
  queues: Queues;
  schedules: Schedules;
}

/** The environment of a Lambda that schedules tracks. */
export const schedulingVariables = (
  config: Config,
  secret: SecretStore,
  queues: Queues,
  schedules: Schedules,
) =>
  ({
    SECRET_ID: secret.arn,
    SCHEDULE_GROUP: schedules.group.scheduleGroupName,
    SCHEDULE_ROLE_ARN: schedules.role.roleArn,
    SCHEDULE_WINDOW_MINUTES: String(config.scheduleWindowMinutes),
    SCHEDULE_DEAD_LETTER_ARN: queues.scheduleDeadLetters.queueArn,
    ARCHIVE_QUEUE_ARN: queues.archive.queueArn,
    ARCHIVE_QUEUE_URL: queues.archive.queueUrl,
  }) satisfies Omit<EnvironmentOf<typeof enqueueEnvironment>, 'POWERTOOLS_SERVICE_NAME'>;

/** The address that the database's webhook posts to, and the Lambda behind it. */
export class EnqueueEndpoint extends Construct {
  readonly lambda: BundledFunction;
  readonly url: string;

  constructor(scope: Construct, id: string, props: EnqueueEndpointProps) {
    super(scope, id);
    const { config, secret, queues, schedules } = props;
    this.lambda = new BundledFunction(this, 'Lambda', {
      lambda: 'enqueue',
      description: 'Webhook of a track to its one-time schedule',
      config,
      bundles: props.bundles,
      timeout: Duration.seconds(timings.enqueueTimeout),
      // Little data, but CPU comes with memory, and pg_net waits five seconds for a cold start with
      // three TLS handshakes in it.
      memoryMegabytes: 512,
      environment: schedulingVariables(config, secret, queues, schedules),
    });
    const { role } = this.lambda;
    secret.grantRead(role);
    schedules.grantManage(role);
    allow(role, 'SendDueTracks', ['sqs:SendMessage'], [queues.archive.queueArn]);
    // Supabase cannot sign for IAM: the Lambda checks the signature of the raw body before anything else.
    this.url = this.lambda.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url;
  }
}
