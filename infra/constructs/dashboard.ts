import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IWidget,
  MathExpression,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { MetricName } from '../../core/metrics.ts';
import type { Config } from '../config.ts';
import { failureRate } from './alarm-metrics.ts';
import type { BundledFunction } from './bundled-function.ts';
import { maxFailureRate } from './health-alarms.ts';
import { levelMetric, productMetric, totalMetric, totalOf } from './product-metric.ts';
import type { Queues } from './queues.ts';

interface DashboardProps {
  config: Config;
  alarms: Alarm[];
  queues: Queues;
  archive: BundledFunction;
}

const hour = Duration.hours(1);
const day = Duration.days(1);
const fullWidth = 24;
/** A goal of the product: the share of tracks archived before they expire, in per cent. */
const minArchivedInTime = 95;
/** A goal of the product: a track takes less, in milliseconds. */
const maxArchiveDuration = 5 * 60_000;

/** Three questions at a glance: is anything about to be lost, how much was archived, how long does it take. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const rows = [loss(props), archived(props), duration(props)];
    new CloudWatchDashboard(this, 'Board', {
      dashboardName: props.config.name,
      defaultInterval: Duration.days(7),
      widgets: rows.flatMap(([heading, ...widgets]) => [[heading], widgets]),
    });
  }
}

type Row = [heading: TextWidget, ...widgets: IWidget[]];

const heading = (question: string, goal: string): TextWidget =>
  new TextWidget({ markdown: `## ${question}\n${goal}`, width: fullWidth, height: 2 });

function loss({ config, alarms, queues }: DashboardProps): Row {
  const latest = { statistic: 'Maximum', period: Duration.minutes(5) };
  const tracks = [
    levelMetric(config, 'TracksDue').with({ label: 'Overdue' }),
    levelMetric(config, 'TracksNearExpiry').with({ label: 'Within two days of expiry' }),
    productMetric(config, 'TracksExpired', 'Sum', day).with({ label: 'Expired in a day' }),
    productMetric(config, 'TracksRecovered', 'Sum', day).with({ label: 'Recovered in a day' }),
  ];
  const { archive, deadLetters, scheduleDeadLetters } = queues;
  const messages = [
    deadLetters
      .metricApproximateNumberOfMessagesVisible(latest)
      .with({ label: 'In the dead-letter queue' }),
    scheduleDeadLetters
      .metricApproximateNumberOfMessagesVisible(latest)
      .with({ label: 'Undelivered by their schedules' }),
    archive
      .metricApproximateAgeOfOldestMessage(latest)
      .with({ label: 'Oldest in the archive queue, seconds' }),
  ];
  return [
    heading(
      'Is anything about to be lost?',
      `Files expire after ${config.retentionDays} days and are archived after ${config.archiveAfterDays}. Every number here should be 0 or small, every alarm green. What the sweep recovers was stalled by something before it.`,
    ),
    new SingleValueWidget({ title: 'Tracks', metrics: tracks, width: 8, height: 5 }),
    new SingleValueWidget({ title: 'Messages', metrics: messages, width: 7, height: 5 }),
    new AlarmStatusWidget({ title: 'Alarms', alarms, width: 9, height: 5 }),
  ];
}

function archived({ config }: DashboardProps): Row {
  const total = (name: MetricName) => totalMetric(config, name, day);
  return [
    heading(
      'How much was archived?',
      `Goals: more than ${minArchivedInTime} % of the tracks archived before they expire, less than ${maxFailureRate} % failed.`,
    ),
    new GraphWidget({
      title: 'Tracks a day',
      left: [
        ...(['TracksArchived', 'TracksFailed', 'TracksRetried'] as const).map(total),
        productMetric(config, 'TracksRecovered', 'Sum', day),
      ],
      width: 6,
    }),
    new GraphWidget({
      title: 'Bytes and files a day',
      left: [total('BytesArchived')],
      right: [total('AssetsStored'), total('AssetsRefused')],
      width: 6,
    }),
    new GraphWidget({
      title: 'Archived before expiry, %',
      left: [archivedInTime(config)],
      leftAnnotations: [{ value: minArchivedInTime, label: 'Goal' }],
      leftYAxis: { max: 100 },
      width: 6,
    }),
    new GraphWidget({
      title: 'Failed, %',
      left: [failureRate(config, day)],
      leftAnnotations: [{ value: maxFailureRate, label: 'Goal' }],
      leftYAxis: { min: 0 },
      width: 6,
    }),
  ];
}

function archivedInTime(config: Config): MathExpression {
  const archived = totalOf(config, 'TracksArchived', day);
  const expired = totalOf(config, 'TracksExpired', day);
  return new MathExpression({
    expression: `100 * ${archived.expression} / (${archived.expression} + ${expired.expression})`,
    usingMetrics: { ...archived.usingMetrics, ...expired.usingMetrics },
    label: 'In time, %',
    period: day,
  });
}

function duration({ config, archive }: DashboardProps): Row {
  const perTrack = ['p50', 'p95', 'Maximum'].map((statistic) =>
    productMetric(config, 'ArchiveDuration', statistic, hour).with({ label: statistic }),
  );
  return [
    heading('How long does it take?', 'Goal: less than 5 minutes a track.'),
    new GraphWidget({
      title: 'One track, milliseconds',
      left: perTrack,
      leftAnnotations: [{ value: maxArchiveDuration, label: 'Goal' }],
      leftYAxis: { min: 0 },
      width: 12,
    }),
    new GraphWidget({
      title: 'Archive Lambda',
      left: [archive.function.metricDuration({ statistic: 'Maximum', period: hour })],
      right: [
        archive.function.metric('ConcurrentExecutions', { statistic: 'Maximum', period: hour }),
      ],
      width: 12,
    }),
  ];
}
