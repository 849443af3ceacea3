import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { timings } from '../../core/timings.ts';
import { root } from './example.ts';
import { readable, synthesize } from './synthesize.ts';

const { resources } = synthesize();
const alarms = resources
  .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
  .map(({ Properties }) => ({
    name: String(Properties.AlarmName),
    description: String(Properties.AlarmDescription),
    properties: Properties,
  }));
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

test('every alarm tells the topic when it rings and when it is over', () => {
  for (const { name, properties } of alarms) {
    assert.equal(readable(properties.AlarmActions), '<AlarmTopic>', name);
    assert.equal(readable(properties.OKActions), '<AlarmTopic>', name);
    assert.equal(properties.TreatMissingData, 'notBreaching', name);
    assert.equal(properties.ComparisonOperator, 'GreaterThanThreshold', name);
  }
});

/** What each alarm looks at, above which value it rings, and after how many periods. */
function condition({ properties }: (typeof alarms)[number]): string {
  const { MetricName, Metrics, Dimensions, Threshold, EvaluationPeriods } = properties;
  const watched =
    Metrics === undefined ? `${MetricName} ${readable(Dimensions)}` : expression(Metrics);
  return `${watched} > ${Threshold}${EvaluationPeriods === 1 ? '' : ` for ${EvaluationPeriods}`}`;
}

const expression = (metrics: unknown): string =>
  (metrics as { Expression?: string }[]).flatMap((each) => each.Expression ?? [])[0] ?? '';

test('the alarms watch what this table says', () => {
  const table = Object.fromEntries(
    alarms.map((each) => [each.name.replace('track-archiver-', ''), condition(each)]),
  );
  const queue = (name: string) => `Name=QueueName, Value=<${name}.QueueName>`;
  const lambda = (name: string) => `Name=FunctionName, Value=<${name}LambdaFunction>`;
  const sweep = 'Name=service, Value=track-archiver-sweep';
  assert.deepEqual(table, {
    'tracks-in-the-dead-letter-queue': `ApproximateNumberOfMessagesVisible ${queue('QueuesDeadLetters')} > 0`,
    'undelivered-schedules': `ApproximateNumberOfMessagesVisible ${queue('QueuesScheduleDeadLetters')} > 0`,
    'dropped-schedules':
      'InvocationsFailedToBeSentToDeadLetterCount Name=ScheduleGroup, Value=track-archiver > 0',
    'old-messages': `ApproximateAgeOfOldestMessage ${queue('QueuesArchive')} > ${timings.visibility}`,
    'tracks-near-expiry': `TracksNearExpiry ${sweep} > 0`,
    'tracks-expired': `TracksExpired ${sweep} > 0`,
    'enqueue-errors': `Url5xxCount ${lambda('Enqueue')} > 0`,
    'enqueue-throttles': `Throttles ${lambda('Enqueue')} > 0`,
    'webhooks-refused': 'IF(refused > 4 AND FILL(accepted, 0) == 0, 1, 0) > 0',
    'archive-errors': `Errors ${lambda('Archive')} > 0`,
    'archive-tracks-errors': `Url5xxCount ${lambda('ArchiveTracks')} > 0`,
    'failure-rate': '100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(archived, 0)) > 1',
    'nothing-archived':
      'IF(FILL(waiting, 0) + FILL(working, 0) + FILL(due, 0) > 0 AND FILL(archived, 0) == 0, 1, 0) > 0 for 24',
  });
});
