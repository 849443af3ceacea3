import assert from 'node:assert/strict';
import { test } from 'vitest';
import { metricNamespace, metricUnits } from '../../core/metrics.ts';
import { readable, synthesize } from './synthesize.ts';

interface Widget {
  type: string;
  x: number;
  width: number;
  properties: {
    title?: string;
    markdown?: string;
    metrics?: unknown[][];
    annotations?: { horizontal?: { value: number; label: string }[] };
  };
}

const { resources } = synthesize();
const bodies = resources
  .filter(({ Type }) => Type === 'AWS::CloudWatch::Dashboard')
  .map(({ Properties }) => readable(Properties.DashboardBody));
const widgets: Widget[] = bodies.flatMap((body) => JSON.parse(body).widgets);

test('the dashboard answers three questions, the most urgent first', () => {
  const questions = widgets.flatMap(({ properties: { markdown } }) =>
    markdown === undefined ? [] : [markdown.split('\n')[0]],
  );
  assert.deepEqual(questions, [
    '## Is anything about to be lost?',
    '## How much was archived?',
    '## How long does it take?',
  ]);
});

test('the goals of the product stand in the graphs: 95 % in time, under 1 % failed, under 5 minutes', () => {
  const goals = widgets.flatMap(({ properties: { title, annotations } }) =>
    (annotations?.horizontal ?? []).map(({ value, label }) => `${title}: ${label} ${value}`),
  );
  assert.deepEqual(goals, [
    'Archived before expiry, %: Goal 95',
    'Failed, %: Goal 1',
    'One track, milliseconds: Goal 300000',
  ]);
});

test('the dashboard shows only metrics that the product writes', () => {
  const own = widgets
    .flatMap(({ properties }) => properties.metrics ?? [])
    .filter(([namespace]) => namespace === metricNamespace);
  assert.ok(own.length > 10);
  for (const [, name, dimension, service] of own) {
    assert.ok(String(name) in metricUnits, String(name));
    assert.equal(dimension, 'service');
    assert.match(String(service), /^track-archiver-(enqueue|archive|archive-tracks|sweep)$/);
  }
});

test('no widget reaches beyond the width of the dashboard', () => {
  for (const { x, width, properties } of widgets) assert.ok(x + width <= 24, properties.title);
});
