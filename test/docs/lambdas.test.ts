import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { lambdaNames } from '../../lambdas/bundle.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/architecture.md'), 'utf8');

for (const name of await lambdaNames()) {
  test(`docs/architecture.md says what lambdas/${name}/ does`, () => {
    assert.ok(text.includes(`\`lambdas/${name}/\``));
  });
}
