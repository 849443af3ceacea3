import assert from 'node:assert/strict';
import { AwsSolutionsChecks } from 'cdk-nag';
import { test } from 'vitest';
import { synthesize } from './synthesize.ts';

const { app } = synthesize({
  supabaseUrl: 'https://example.supabase.co',
  alarmEmail: 'operator@example.org',
});

test('cdk-nag finds nothing that is not acknowledged with its reason', () => {
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  const findings = violations.map(
    ({ ruleName, violatingResources }) =>
      `${ruleName}: ${violatingResources.map(({ resourceLogicalId }) => resourceLogicalId)}`,
  );
  assert.deepEqual(findings, []);
});
