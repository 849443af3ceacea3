import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'vitest';

const run = (...parameters: string[]) => {
  const file = join(import.meta.dirname, 'run.ts');
  return spawnSync(process.execPath, [file, ...parameters], { encoding: 'utf8' });
};

describe('npm run test:contract', () => {
  test('tells with --help which peers there are', () => {
    const { status, stdout } = run('--help');
    assert.equal(status, 0);
    assert.match(stdout, /localstack[\s\S]*ministack/);
  });

  for (const [what, parameter, line] of [
    [
      'a peer that there is not',
      'moto',
      /^There is no peer 'moto', only localstack and ministack\./,
    ],
    ['an option that there is not', '--fast', /^Unknown option '--fast'/],
  ] as const) {
    test(`answers ${what} with one line, and runs nothing`, () => {
      const { status, stdout, stderr } = run(parameter);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, line);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
