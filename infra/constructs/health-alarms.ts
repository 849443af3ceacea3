import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { type AlarmDetails, alarm } from './alarm.ts';
import {
  failureRate,
  idleWhileDue,
  onlyRecoveries,
  onlyRefusals,
  serverErrors,
  soon,
  sweepMissing,
} from './alarm-metrics.ts';
import type { BundledFunction } from './bundled-function.ts';
import type { Queues } from './queues.ts';

interface HealthAlarmsProps {
  config: Config;
  topic: ITopic;
  queues: Queues;
  enqueue: BundledFunction;
  archive: BundledFunction;
  archiveTracks: BundledFunction;
  sweep: BundledFunction;
}

const quartersOfDay = 4;

/** Highest share of tracks that may fail, in per cent: a goal of the product. */
export const maxFailureRate = 1;

/** Alarms that say that a part does not work, before tracks are in danger. */
export class HealthAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, props: HealthAlarmsProps) {
    super(scope, id);
    this.alarms = details(props).map((each) => alarm(this, props.config, props.topic, each));
  }
}

function details(props: HealthAlarmsProps): AlarmDetails[] {
  const { config, queues, enqueue, archive, archiveTracks, sweep } = props;
  return [
    {
      title: 'Enqueue errors',
      meaning: 'Webhooks of completed tracks were answered with 5xx: they are not scheduled.',
      metric: serverErrors(enqueue),
      threshold: 0,
    },
    {
      title: 'Enqueue throttles',
      meaning: 'AWS refused to run the enqueue Lambda: webhooks were lost.',
      metric: enqueue.function.metricThrottles(soon),
      threshold: 0,
    },
    {
      title: 'Webhooks refused',
      meaning: 'For an hour webhooks came and none was accepted: the secrets do not agree.',
      metric: onlyRefusals(config),
      threshold: 0,
    },
    {
      title: 'Webhooks missing',
      meaning: 'For a day no webhook came, and the sweep had to find the tracks by itself.',
      metric: onlyRecoveries(config),
      threshold: 0,
    },
    {
      title: 'Archive errors',
      meaning: 'The archive Lambda crashed, ran out of time or memory, or cannot start.',
      metric: archive.function.metricErrors(soon),
      threshold: 0,
    },
    {
      title: 'Archive-tracks errors',
      meaning: 'Requests to archive tracks by hand were answered with 5xx.',
      metric: serverErrors(archiveTracks),
      threshold: 0,
    },
    {
      title: 'Sweep errors',
      meaning: 'The sweep failed, or could not put some of the stalled tracks back on their way.',
      metric: sweep.function.metricErrors(soon),
      threshold: 0,
    },
    {
      title: 'Sweep not running',
      meaning: 'The sweep has missed two runs: nothing finds stalled tracks.',
      metric: sweepMissing(config),
      threshold: 0,
      ringsWithoutData: true,
    },
    {
      title: 'Failure rate',
      meaning: `More than ${maxFailureRate} % of the tracks of a day could not be archived.`,
      metric: failureRate(config, Duration.days(1)),
      threshold: maxFailureRate,
    },
    {
      title: 'Nothing archived',
      meaning: 'For a day tracks were due all the time and none was archived.',
      metric: idleWhileDue(config, queues),
      threshold: 0,
      periods: quartersOfDay,
    },
  ];
}
