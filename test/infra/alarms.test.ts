import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { timings } from '../../core/timings.ts';
import { exampleContext, root } from './example.ts';
import { readable, synthesize, withoutHash } from './synthesize.ts';

const stack = synthesize();
const alarmsOf = ({ resources }: ReturnType<typeof synthesize>) =>
  resources
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) => ({
      name: String(Properties.AlarmName),
      description: String(Properties.AlarmDescription),
      properties: Properties,
    }));
const alarms = alarmsOf(stack);
const runbook = readFileSync(join(root, 'docs/runbook.md'), 'utf8');
const entries = runbook.split(/^## /m).slice(1);
const headingOf = (entry: string) => entry.split('\n', 1)[0] ?? '';
/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(' ', '-');
const anchors = entries.map(headingOf).map(anchorOf);

for (const { name, description } of alarms) {
  test(`alarm ${name} says what it means and links a heading that the runbook has`, () => {
    const [, meaning, anchor] = /^(.+\.) Runbook: docs\/runbook\.md#(\S+)$/.exec(description) ?? [];
    assert.ok(meaning !== undefined && meaning.length > 20, description);
    assert.ok(anchors.includes(anchor ?? ''), `no heading for #${anchor}`);
  });
}

for (const entry of entries) {
  test(`runbook entry "${headingOf(entry)}" has its alarm and its four parts`, () => {
    assert.ok(
      alarms.some(({ description }) => description.endsWith(`#${anchorOf(headingOf(entry))}`)),
    );
    assert.deepEqual(entry.match(/^### .+$/gm), [
      '### Description',
      '### Investigation',
      '### Resolution',
      '### When not to use it',
    ]);
  });
}

test('every alarm notifies the topic when it rings and when it is over', () => {
  for (const { name, properties } of alarms) {
    assert.equal(readable(properties.AlarmActions), '<AlarmTopic>', name);
    assert.equal(readable(properties.OKActions), '<AlarmTopic>', name);
    const missing = name.endsWith('-sweep-not-running') ? 'breaching' : 'notBreaching';
    assert.equal(properties.TreatMissingData, missing, name);
    assert.equal(properties.ComparisonOperator, 'GreaterThanThreshold', name);
  }
});

test('every Lambda has an alarm on its errors; behind a URL, on what it answers with 5xx', () => {
  const ofType = (type: string) => stack.resources.filter(({ Type }) => Type === type);
  const behindUrl = ofType('AWS::Lambda::Url').map(({ Properties }) =>
    readable(Properties.TargetFunctionArn),
  );
  for (const { id } of ofType('AWS::Lambda::Function')) {
    const name = withoutHash(id);
    const metric = behindUrl.includes(`<${name}.Arn>`) ? 'Url5xxCount' : 'Errors';
    const watches = alarms.some(
      ({ properties: { MetricName, Dimensions } }) =>
        MetricName === metric && readable(Dimensions) === `Name=FunctionName, Value=<${name}>`,
    );
    assert.ok(watches, `no alarm on ${metric} of ${name}`);
  }
});

/** What each alarm looks at, above which value it rings, and after how many periods. */
function condition({ properties }: (typeof alarms)[number]): string {
  const { MetricName, Metrics, Dimensions, Threshold, EvaluationPeriods } = properties;
  const watched =
    Metrics === undefined ? `${MetricName} ${readable(Dimensions)}` : expression(Metrics);
  const periods = EvaluationPeriods === 1 ? '' : ` for ${EvaluationPeriods}`;
  return `${watched} > ${Threshold}${periods} in ${periodOf(properties) / 60} min`;
}

/** Seconds; all metrics of an expression have the same. */
function periodOf({ Period, Metrics = [] }: Record<string, unknown>): number {
  const periods = (Metrics as { MetricStat?: { Period: number } }[]).flatMap(
    ({ MetricStat }) => MetricStat?.Period ?? [],
  );
  const [period = Number(Period)] = periods;
  assert.ok(periods.every((each) => each === period));
  return period;
}

const expression = (metrics: unknown): string =>
  (metrics as { Expression?: string }[]).flatMap((each) => each.Expression ?? [])[0] ?? '';

const tableOf = (context?: Record<string, unknown>) =>
  Object.fromEntries(
    alarmsOf(synthesize(context)).map((each) => [
      each.name.replace('track-archiver-', ''),
      condition(each),
    ]),
  );

test('the alarms watch what this table says', () => {
  const queue = (name: string) => `Name=QueueName, Value=<${name}.QueueName>`;
  const lambda = (name: string) => `Name=FunctionName, Value=<${name}LambdaFunction>`;
  const sweep = 'Name=service, Value=track-archiver-sweep';
  const archived =
    '(FILL(tracksArchived_archive, 0) + FILL(tracksArchived_archive_tracks, 0) + FILL(tracksArchived_sweep, 0) + TIME_SERIES(0))';
  const failed =
    '(FILL(tracksFailed_archive, 0) + FILL(tracksFailed_archive_tracks, 0) + FILL(tracksFailed_sweep, 0) + TIME_SERIES(0))';
  const work = '(FILL(waiting, 0) + FILL(working, 0) + FILL(due, 0) + TIME_SERIES(0))';
  const webhooks = (name: string) => `(FILL(webhooks${name}_enqueue, 0) + TIME_SERIES(0))`;
  const files = (name: string) =>
    `(FILL(assets${name}_archive, 0) + FILL(assets${name}_archive_tracks, 0) + TIME_SERIES(0))`;
  assert.deepEqual(tableOf(), {
    'tracks-in-the-dead-letter-queue': `ApproximateNumberOfMessagesVisible ${queue('QueuesDeadLetters')} > 0 in 5 min`,
    'undelivered-schedules': `ApproximateNumberOfMessagesVisible ${queue('QueuesScheduleDeadLetters')} > 0 in 5 min`,
    'dropped-schedules':
      'InvocationsFailedToBeSentToDeadLetterCount Name=ScheduleGroup, Value=track-archiver > 0 in 5 min',
    'old-messages': `ApproximateAgeOfOldestMessage ${queue('QueuesArchive')} > ${timings.visibility} in 5 min`,
    'tracks-near-expiry': `TracksNearExpiry ${sweep} > 0 in 120 min`,
    'tracks-expired': `TracksExpired ${sweep} > 0 in 60 min`,
    'files-lost-in-storage': `FilesLost ${sweep} > 0 in 60 min`,
    'files-refused': `100 * ${files('Refused')} / (${files('Refused')} + ${files('Stored')}) > 1 in 1440 min`,
    'enqueue-errors': `Url5xxCount ${lambda('Enqueue')} > 0 in 5 min`,
    'enqueue-throttles': `Throttles ${lambda('Enqueue')} > 0 in 5 min`,
    'webhooks-refused': `IF(${webhooks('Refused')} > 4 AND ${webhooks('Accepted')} == 0, 1, 0) > 0 in 60 min`,
    'webhooks-missing': `IF((FILL(tracksRecovered_sweep, 0) + TIME_SERIES(0)) > 9 AND ${webhooks('Accepted')} == 0, 1, 0) > 0 in 1440 min`,
    'archive-errors': `Errors ${lambda('Archive')} > 0 in 5 min`,
    'archive-tracks-errors': `Url5xxCount ${lambda('ArchiveTracks')} > 0 in 5 min`,
    'sweep-errors': `Errors ${lambda('Sweep')} > 0 in 5 min`,
    'sweep-not-running': 'IF((FILL(runs, 0) + TIME_SERIES(0)) == 0, 1, 0) > 0 in 135 min',
    'failure-rate': `100 * ${failed} / (${failed} + ${archived}) > 1 in 1440 min`,
    'nothing-archived': `IF(${work} > 0 AND ${archived} == 0, 1, 0) > 0 for 4 in 360 min`,
  });
});

test('the alarms on the sweep follow how often it runs', () => {
  const table = tableOf({ ...exampleContext, sweepEveryMinutes: '10' });
  assert.match(table['tracks-near-expiry'] ?? '', / in 20 min$/);
  assert.match(table['sweep-not-running'] ?? '', / in 35 min$/);
});

test('an alarm looks back a day at most, which CloudWatch allows for every period', () => {
  for (const { name, properties } of alarms) {
    assert.ok(periodOf(properties) * Number(properties.EvaluationPeriods) <= 86_400, name);
  }
});
