import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { compare, type Difference } from './compare.ts';
import { peers } from './peers.ts';

const difference: Difference = {
  test: 'differs',
  answer: 'Answers otherwise.',
  failure: /^otherwise/,
  aws: 'Answers so.',
  source: 'https://docs.aws.amazon.com/',
};
const passed = (name: string) => ({ test: name, isPassed: true, message: '' });
const failed = (name: string, message: string) => ({ test: name, isPassed: false, message });

describe('a peer held against the list of its differences', () => {
  test('is as expected where the listed differences are there and nothing else fails', () => {
    const results = [passed('agrees'), failed('differs', 'otherwise than AWS')];
    const { found, problems } = compare('peer', results, [difference]);
    assert.deepEqual(found, [difference]);
    assert.deepEqual(problems, []);
  });

  for (const [what, results, problem] of [
    ['a failure that is not listed', [failed('agrees', 'why')], /^agrees\nwhy/],
    ['a listed difference that is gone', [passed('differs')], /^differs\nThis difference is gone/],
    [
      'a listed difference that has become another',
      [failed('differs', 'not at all')],
      /^differs\nThis differs otherwise than is listed: not at all/,
    ],
    [
      'a listed difference whose test is gone',
      [passed('agrees')],
      /^differs\n.*which there is not/,
    ],
    ['a run without a test', [], /^no test ran/],
  ] as const) {
    test(`has a problem with ${what}`, () => {
      const listed = what.includes('listed difference') ? [difference] : [];
      const { found, problems } = compare('peer', results, listed);
      assert.deepEqual(found, []);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
    });
  }
});

describe('the listed differences', () => {
  for (const [name, { differences }] of Object.entries(peers)) {
    test(`of ${name} name one test each, and the document of AWS that decides`, () => {
      const tests = differences.map((each) => each.test);
      assert.deepEqual(tests, [...new Set(tests)]);
      for (const { aws, source } of differences) {
        assert.match(source, /^https:\/\/docs\.aws\.amazon\.com\/.+\.html$/);
        assert.ok(aws.length > 0);
      }
    });
  }
});
