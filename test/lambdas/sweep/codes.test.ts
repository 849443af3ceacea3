import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

test('close_track_archiving() waits for the dead letter of each code that the sweep gives', () => {
  const given = [...read('lambdas/sweep/sweep.ts').matchAll(/new ArchiveFailure\(\s*'(\w+)'/g)].map(
    ([, code]) => code,
  );
  const [, listed = ''] =
    /_job\.error_code in \(([^)]+)\) and _job\.buried_at is null/.exec(
      read('migrations/schema.sql'),
    ) ?? [];
  assert.ok(given.length > 0);
  assert.deepEqual(listed.match(/\w+/g)?.sort(), [...new Set(given)].sort());
});
