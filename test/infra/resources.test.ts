import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { listResources } from '../../infra/list-resources.ts';
import { root } from './example.ts';
import { synthesize } from './synthesize.ts';

test('docs/resources.md lists what the stack has (npm run resources writes it)', () => {
  const written = readFileSync(join(root, 'docs/resources.md'), 'utf8');
  assert.equal(written, listResources(synthesize().stack));
});
