import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { metricUnits } from '../../core/metrics.ts';
import { metricWriters } from '../../infra/metric-writers.ts';
import { bundles } from '../support/bundles.ts';

const texts = Object.entries(bundles).map(([name, file]) => [name, readFileSync(file, 'utf8')]);

for (const metric of Object.keys(metricUnits) as (keyof typeof metricUnits)[]) {
  test(`${metric} is written by the Lambdas that infra/metric-writers.ts names, and by no other`, () => {
    const writers = texts.filter(([, text]) => text?.includes(`.count("${metric}"`));
    assert.deepEqual(writers.map(([name]) => name).sort(), [...metricWriters[metric]].sort());
  });
}
