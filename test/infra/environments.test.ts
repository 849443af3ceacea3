import assert from 'node:assert/strict';
import { test } from 'vitest';
import { exampleContext } from './example.ts';
import { synthesize } from './synthesize.ts';

/** Names that are ours to choose and must be unique in an account and region. */
const nameProperties = ['FunctionName', 'AlarmName', 'DashboardName', 'Name'];

test('a second environment in one account shares no name with the first', () => {
  const { resources, stack } = synthesize({ ...exampleContext, name: 'staging' });
  const names = resources.flatMap(({ Properties }) =>
    nameProperties.flatMap((key) => (typeof Properties[key] === 'string' ? [Properties[key]] : [])),
  );
  assert.ok(names.length > 0);
  for (const name of [stack.stackName, ...names]) assert.match(name, /^staging(-|$)/);
});
