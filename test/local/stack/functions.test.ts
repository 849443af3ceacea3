import assert from 'node:assert/strict';
import { test } from 'vitest';
import { lambdaNames } from '../../../lambdas/bundle.ts';
import { startStack } from '../../../local/stack.ts';
import { bundles } from '../../support/bundles.ts';

test('the local stack runs every Lambda', async (t) => {
  const started = new Set<string>();
  const watched = new Proxy(bundles, {
    get(target, name: string) {
      started.add(name);
      return target[name];
    },
  });
  const stack = await startStack({ bundles: watched });
  t.onTestFinished(() => stack.stop());
  assert.deepEqual([...started].sort(), await lambdaNames(), 'local/stack/functions.ts');
});
