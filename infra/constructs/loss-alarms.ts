import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { timings } from '../../core/timings.ts';
import type { Config } from '../config.ts';
import { type AlarmDetails, alarm } from './alarm.ts';
import { refusedFiles } from './alarm-metrics.ts';
import { levelMetric, productMetric } from './product-metric.ts';
import type { Queues } from './queues.ts';
import type { Schedules } from './schedules.ts';

interface LossAlarmsProps {
  config: Config;
  topic: ITopic;
  queues: Queues;
  schedules: Schedules;
}

const fiveMinutes = Duration.minutes(5);
const hour = Duration.hours(1);

/** Highest share of files that may be missing beside a song that is safe, in per cent. */
const maxRefused = 1;

/** Alarms that say that tracks are about to be lost, or were. */
export class LossAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, props: LossAlarmsProps) {
    super(scope, id);
    this.alarms = details(props).map((each) => alarm(this, props.config, props.topic, each));
  }
}

function details({ config, queues, schedules }: LossAlarmsProps): AlarmDetails[] {
  const latest = { statistic: 'Maximum', period: fiveMinutes };
  return [
    {
      title: 'Tracks in the dead-letter queue',
      meaning: 'Tracks could not be archived and wait for a person.',
      metric: queues.deadLetters.metricApproximateNumberOfMessagesVisible(latest),
      threshold: 0,
    },
    {
      title: 'Undelivered schedules',
      meaning: 'EventBridge Scheduler could not put due tracks on the archive queue for a day.',
      metric: queues.scheduleDeadLetters.metricApproximateNumberOfMessagesVisible(latest),
      threshold: 0,
    },
    {
      title: 'Dropped schedules',
      meaning: 'EventBridge Scheduler gave up on due tracks and could not keep them either.',
      metric: schedules.group.metricFailedToBeSentToDLQ(),
      threshold: 0,
    },
    {
      title: 'Old messages',
      meaning: 'Due tracks wait in the archive queue for longer than all their retries take.',
      metric: queues.archive.metricApproximateAgeOfOldestMessage(latest),
      threshold: timings.visibility,
    },
    {
      title: 'Tracks near expiry',
      meaning: 'Tracks are not archived and their provider deletes them within two days.',
      metric: levelMetric(config, 'TracksNearExpiry'),
      threshold: 0,
    },
    {
      title: 'Tracks expired',
      meaning: 'Tracks were not archived before their provider deleted them.',
      metric: productMetric(config, 'TracksExpired', 'Sum', hour),
      threshold: 0,
    },
    {
      title: 'Files lost in Storage',
      meaning: 'Archived files are no longer in Storage, or have another size.',
      metric: productMetric(config, 'FilesLost', 'Sum', hour),
      threshold: 0,
    },
    {
      title: 'Files refused',
      meaning: `More than ${maxRefused} % of the files of a day, covers and videos, were not to be had.`,
      metric: refusedFiles(config, Duration.days(1)),
      threshold: maxRefused,
    },
  ];
}
