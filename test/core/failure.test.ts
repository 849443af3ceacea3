import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  ArchiveFailure,
  classify,
  type FailureCode,
  failures,
  meansGone,
} from '../../core/failure.ts';

test('only what the provider says is not there counts as gone, and is then final', () => {
  const codes = Object.keys(failures) as FailureCode[];
  const gone = codes.filter((code) => meansGone(new ArchiveFailure(code, '')));
  assert.deepEqual(gone, ['provider_gone']);
});

test('a member of the closed set stays what it is', () => {
  const failure = new ArchiveFailure('too_large', 'x');
  assert.equal(classify(failure), failure);
});

test('anything else that is thrown is internal, is retried, and keeps its cause', () => {
  for (const thrown of [new TypeError('x is undefined'), 'text', undefined, null, { a: 1 }]) {
    const failure = classify(thrown);
    assert.equal(failure.code, 'internal');
    assert.equal(failure.disposition, 'retry');
    if (thrown !== undefined) assert.equal(failure.cause, thrown);
  }
});
