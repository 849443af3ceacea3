import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { EnvironmentOf, sweepEnvironment } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import { allow } from './allow.ts';
import { BundledFunction } from './bundled-function.ts';
import { schedulingVariables } from './enqueue-endpoint.ts';
import type { Queues } from './queues.ts';
import type { Schedules } from './schedules.ts';
import type { SecretStore } from './secret-store.ts';
import { SweepTimer } from './sweep-timer.ts';

interface SweepProps {
  config: Config;
  bundles: string;
  secret: SecretStore;
  queues: Queues;
  schedules: Schedules;
}

/** The Lambda that finds stalled tracks by the clock. */
export class Sweep extends Construct {
  readonly lambda: BundledFunction;

  constructor(scope: Construct, id: string, props: SweepProps) {
    super(scope, id);
    const { config, secret, queues, schedules } = props;
    this.lambda = new BundledFunction(this, 'Lambda', {
      lambda: 'sweep',
      description: 'Finds stalled tracks and puts them back on their way',
      config,
      bundles: props.bundles,
      timeout: Duration.seconds(timings.sweepTimeout),
      memoryMegabytes: 512,
      environment: {
        ...schedulingVariables(config, secret, queues, schedules),
        DEAD_LETTER_QUEUE_URL: queues.deadLetters.queueUrl,
        ARCHIVE_CONCURRENCY: String(config.maxConcurrency),
      } satisfies Omit<EnvironmentOf<typeof sweepEnvironment>, 'POWERTOOLS_SERVICE_NAME'>,
    });
    const { role } = this.lambda;
    secret.grantRead(role);
    schedules.grantManage(role);
    allow(
      role,
      'SendStalledTracks',
      ['sqs:SendMessage', 'sqs:GetQueueAttributes'],
      [queues.archive.queueArn],
    );
    allow(role, 'SendDeadLetters', ['sqs:SendMessage'], [queues.deadLetters.queueArn]);
    allow(
      role,
      'RemoveSettledLetters',
      [
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:ListMessageMoveTasks',
      ],
      [queues.deadLetters.queueArn],
    );
    const interval = Duration.minutes(config.sweepEveryMinutes);
    // A run that failed is tried twice more; one that is late has nothing to do that the next does not.
    // None needs a queue of its own: the alarms "Sweep errors" and "Sweep not running" cover both.
    this.lambda.function.configureAsyncInvoke({ maxEventAge: interval, retryAttempts: 2 });
    new SweepTimer(this, 'Timer', { sweep: this.lambda, interval });
  }
}
