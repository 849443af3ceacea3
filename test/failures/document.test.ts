import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { failuresFile, listFailures } from '../../cli/list-failures.ts';
import { failures } from '../../core/failure.ts';

test('docs/failures.md is what core/failure.ts says; `npm run failures` writes it', () => {
  assert.equal(readFileSync(failuresFile, 'utf8'), listFailures());
});

test('every code has one row in docs/failures.md, with its meaning, its disposition and what to do', () => {
  const rows = readFileSync(failuresFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | '));
  assert.deepEqual(
    rows.map(([code]) => code),
    Object.keys(failures).map((code) => `| \`${code}\``),
  );
  for (const [code, ...cells] of rows) {
    assert.ok(cells.length === 3 && cells.every((cell) => cell.trim().length > 3), code);
  }
});
