import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');

test('the tests that CONTRIBUTING.md quotes are in the files that it links to', () => {
  let quoted: string[] = [];
  let found = 0;
  for (const [, quote, file] of text.matchAll(/"([^"\n]+)"|\]\((test\/[^)]+)\)/g)) {
    if (quote !== undefined) quoted.push(quote);
    if (file === undefined) continue;
    const source = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
    for (const name of quoted) assert.ok(source.includes(name), `${file}: ${name}`);
    found += quoted.length;
    quoted = [];
  }
  assert.deepEqual(quoted, [], 'quoted without a file');
  assert.ok(found > 30);
});

test('the paths that CONTRIBUTING.md names are there', () => {
  const paths = [...text.matchAll(/`([\w./-]+\/[\w./-]*)`/g)].map(([, path = '']) => path);
  assert.ok(paths.length > 20);
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(root, path))),
    [],
  );
});
