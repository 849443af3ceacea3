import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ArchiveFailure, classify } from '../../core/failure.ts';

test('an ArchiveFailure stays what it is', () => {
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
