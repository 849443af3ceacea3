import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { type AlarmDetails, alarm } from './alarm.ts';
import type { BundledFunction } from './bundled-function.ts';
import { productMetric } from './product-metric.ts';
import type { Queues } from './queues.ts';

interface HealthAlarmsProps {
  config: Config;
  topic: ITopic;
  queues: Queues;
  enqueue: BundledFunction;
  archive: BundledFunction;
  archiveTracks: BundledFunction;
}

const sum = { statistic: 'Sum', period: Duration.minutes(5) };
const hour = Duration.hours(1);
const day = Duration.days(1);
const hoursOfDay = 24;

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

function details({
  config,
  queues,
  enqueue,
  archive,
  archiveTracks,
}: HealthAlarmsProps): AlarmDetails[] {
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
      metric: enqueue.function.metricThrottles(sum),
      threshold: 0,
    },
    {
      title: 'Webhooks refused',
      meaning: 'For an hour webhooks came and none was accepted: the secrets do not agree.',
      metric: new MathExpression({
        // A few of them are scanners that found the address.
        expression: 'IF(refused > 4 AND FILL(accepted, 0) == 0, 1, 0)',
        usingMetrics: {
          refused: productMetric(config, 'WebhooksRefused', 'Sum', hour),
          accepted: productMetric(config, 'WebhooksAccepted', 'Sum', hour),
        },
        period: hour,
      }),
      threshold: 0,
    },
    {
      title: 'Archive errors',
      meaning: 'The archive Lambda crashed, ran out of time or memory, or cannot start.',
      metric: archive.function.metricErrors(sum),
      threshold: 0,
    },
    {
      title: 'Archive-tracks errors',
      meaning: 'Requests to archive tracks by hand were answered with 5xx.',
      metric: serverErrors(archiveTracks),
      threshold: 0,
    },
    {
      title: 'Failure rate',
      meaning: `More than ${maxFailureRate} % of the tracks of a day could not be archived.`,
      metric: failureRate(config, day),
      threshold: maxFailureRate,
    },
    {
      title: 'Nothing archived',
      meaning: 'For a day tracks were due at every hour and none was archived.',
      metric: idleWhileDue(config, queues),
      threshold: 0,
      periods: hoursOfDay,
    },
  ];
}

/** Counts what a Lambda with a URL answers and what breaks it, which its own Errors metric does not. */
const serverErrors = (lambda: BundledFunction): Metric =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName: 'Url5xxCount',
    dimensionsMap: { FunctionName: lambda.function.functionName },
    ...sum,
  });

/** Share of the tracks that failed, in per cent. */
export const failureRate = (config: Config, period: Duration): MathExpression =>
  new MathExpression({
    expression: '100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(archived, 0))',
    usingMetrics: {
      failed: productMetric(config, 'TracksFailed', 'Sum', period),
      archived: productMetric(config, 'TracksArchived', 'Sum', period),
    },
    label: 'Failed, %',
    period,
  });

/**
 * 1 for an hour with tracks due, in the queue or by the sweep's count, and none archived. FILL stands
 * in for hours without data; for a metric that was never written at all this is unverified.
 */
const idleWhileDue = (config: Config, queues: Queues): MathExpression =>
  new MathExpression({
    expression:
      'IF(FILL(waiting, 0) + FILL(working, 0) + FILL(due, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)',
    usingMetrics: {
      waiting: queues.archive.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: hour,
      }),
      working: queues.archive.metricApproximateNumberOfMessagesNotVisible({
        statistic: 'Maximum',
        period: hour,
      }),
      due: productMetric(config, 'TracksDue', 'Maximum', hour),
      archived: productMetric(config, 'TracksArchived', 'Sum', hour),
    },
    period: hour,
  });
