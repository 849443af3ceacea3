import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxReceiveCount, timings } from '../../core/timings.ts';

/**
 * What all queues share. Encrypted with SQS's own key: a key of ours would have to be opened to
 * EventBridge Scheduler and costs money, and the messages hold track ids only. Kept on removal, and
 * without names of our own, so that a stack can be made anew beside the queues that an old one left.
 */
const common = {
  encryption: QueueEncryption.SQS_MANAGED,
  enforceSSL: true,
  retentionPeriod: Duration.seconds(timings.queueRetention),
  removalPolicy: RemovalPolicy.RETAIN,
} satisfies QueueProps;

export class Queues extends Construct {
  /** Tracks to archive now. */
  readonly archive: Queue;
  /** Tracks that could not be archived. */
  readonly deadLetters: Queue;
  /** What EventBridge Scheduler could not deliver to the archive queue. */
  readonly scheduleDeadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    this.archive = new Queue(this, 'Archive', {
      ...common,
      visibilityTimeout: Duration.seconds(timings.visibility),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
    });
    this.scheduleDeadLetters = new Queue(this, 'ScheduleDeadLetters', common);
    Validations.of(this.scheduleDeadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason:
        'It is a dead-letter queue itself: the one of EventBridge Scheduler, named in each schedule’s target and not in the template.',
    });
  }
}
