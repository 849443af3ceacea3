import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Config } from '../config.ts';

export interface AlarmDetails {
  /** Its heading in docs/runbook.md, word for word; a test holds the two together. */
  title: string;
  /** What it means, for whoever is woken by it: one sentence. */
  meaning: string;
  metric: IMetric;
  /** It rings above this. */
  threshold: number;
  /** Periods of the metric that must all be above; 1 by default. */
  periods?: number;
  /** No data is what it rings for. */
  ringsWithoutData?: boolean;
}

/**
 * An alarm that notifies `topic` when it rings and when it is over. Metrics that are not written when
 * nothing happens are no reason to ring, unless it says so.
 */
export function alarm(
  scope: Construct,
  config: Config,
  topic: ITopic,
  { title, meaning, metric, threshold, periods = 1, ringsWithoutData = false }: AlarmDetails,
): Alarm {
  const anchor = title.toLowerCase().replaceAll(' ', '-');
  const created = new Alarm(scope, pascalCase(title), {
    alarmName: `${config.name}-${anchor}`,
    alarmDescription: `${meaning} Runbook: ${config.runbookUrl}#${anchor}`,
    metric,
    threshold,
    evaluationPeriods: periods,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: ringsWithoutData
      ? TreatMissingData.BREACHING
      : TreatMissingData.NOT_BREACHING,
  });
  created.addAlarmAction(new SnsAction(topic));
  created.addOkAction(new SnsAction(topic));
  return created;
}

const pascalCase = (title: string): string =>
  title
    .split(/[ -]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
