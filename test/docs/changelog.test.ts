import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

test('CHANGELOG.md has the sections of Keep a Changelog, in their order', () => {
  const text = readFileSync(join(import.meta.dirname, '../../CHANGELOG.md'), 'utf8');
  const [, ...versions] = text.split(/^## /m);
  assert.match(versions[0] ?? '', /^\[Unreleased\]\n/);
  for (const version of versions) {
    const [heading = ''] = version.split('\n', 1);
    assert.match(heading, /^\[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d\d-\d\d)?$/);
    const sections = [...version.matchAll(/^### (.*)$/gm)].map(([, section = '']) => section);
    assert.deepEqual(
      sections,
      kinds.filter((kind) => sections.includes(kind)),
      heading,
    );
  }
});
