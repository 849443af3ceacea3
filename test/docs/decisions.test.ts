import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const folder = join(import.meta.dirname, '../../docs/decisions');
const files = readdirSync(folder).sort();
const numbers = files.map((file) => Number(/^(\d{4})-/.exec(file)?.[1]));

test('every decision record has a number of its own', () => {
  assert.ok(numbers.length > 0);
  assert.deepEqual(
    numbers.filter((number, index) => !(number > (numbers[index - 1] ?? 0))),
    [],
    `not unique, or none: ${files.join(', ')}`,
  );
});

for (const [index, file] of files.entries()) {
  test(`decision record ${file} has its number as heading, and a status`, () => {
    const [heading = '', , status = ''] = readFileSync(join(folder, file), 'utf8').split('\n');
    assert.match(heading, new RegExp(`^# ${numbers[index]}\\. \\S`));
    const [, successor] =
      /^\*\*Status\.\*\* (?:Accepted|Superseded by (\d+))\.$/.exec(status) ??
      assert.fail(
        `the third line is "${status}", not "**Status.** Accepted." or "Superseded by N."`,
      );
    if (successor === undefined) return;
    assert.ok(Number(successor) > (numbers[index] ?? 0), 'only a later record supersedes this one');
    assert.ok(numbers.includes(Number(successor)), `there is no record ${successor}`);
  });
}
