import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { alarmMetrics, awsMonth, supabaseMonth } from '../../infra/cost/estimate.ts';
import { costTable } from '../../infra/cost/table.ts';
import { specEstimate } from '../../infra/cost/usage.ts';
import { root } from './example.ts';
import { synthesize } from './synthesize.ts';

test('the cost table in docs/deploy.md is what npm run cost prints', () => {
  const guide = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  const [, written] = /<!-- cost -->\n([\s\S]*?)\n<!-- \/cost -->/.exec(guide) ?? [];
  assert.equal(written, costTable());
});

test('the estimate counts the metrics that the alarms of the stack read', () => {
  const { resources } = synthesize();
  const read = resources
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) =>
      Properties.Metrics === undefined
        ? 1
        : (Properties.Metrics as object[]).filter((metric) => 'MetricStat' in metric).length,
    );
  assert.equal(
    read.reduce((sum, count) => sum + count, 0),
    alarmMetrics,
  );
});

const dollarsOf = (lines: { what: string; dollars: number }[], what: string) =>
  lines.find((line) => line.what === what)?.dollars ?? Number.NaN;

test('transfer out of AWS is free up to 100 GB a month and then follows the tiers', () => {
  const transfer = (tracks: number) =>
    dollarsOf(awsMonth(tracks), 'Data transfer from AWS to Supabase');
  assert.equal(transfer(3184), 0);
  // 31,400 GB: 10,000 at 0.09 and 21,300 at 0.085.
  assert.ok(Math.abs(transfer(1_000_000) - (900 + 1810.5)) < 0.01);
});

test('Storage grows with every month, beyond what the plan includes', () => {
  const storage = (months: number) => dollarsOf(supabaseMonth(1000, months), 'Supabase Storage');
  assert.equal(storage(3), 0);
  assert.ok(Math.abs(storage(12) - (376.8 - 100) * 0.021) < 0.001);
});

test('the spec’s own estimate is 67 cents for 1,000 tracks', () => {
  assert.equal(specEstimate(1000), 0.67);
});
