import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { ArchiveFailure, type FailureCode, failures } from '../../core/failure.ts';
import { maxTries, nextTryDelay, parseRetryAfter, redeliveryDelay } from '../../core/retry.ts';

const clock = (remaining: number, random = 0) => ({
  remaining: () => remaining,
  random: () => random,
  baseDelay: 5000,
});
const codes = Object.keys(failures) as FailureCode[];

describe('the ladder inside an invocation', () => {
  test('waits five seconds after the first try and ten after the second, and then stops', () => {
    const failure = new ArchiveFailure('provider_unavailable', '503');
    const delays = [1, 2, 3].map((attempt) => nextTryDelay(failure, attempt, clock(60_000)));
    assert.deepEqual(delays, [5000, 10_000, undefined]);
  });

  test('never tries again what retrying cannot mend', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.nat(5), (code, attempt) => {
        const delay = nextTryDelay(new ArchiveFailure(code, ''), attempt, clock(1e9));
        return failures[code].disposition === 'retry' || delay === undefined;
      }),
    );
  });

  test('never waits less than Retry-After, nor longer than the time that is left or a minute', () => {
    const input = [
      fc.nat(600),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(900_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
    ] as const;
    fc.assert(
      fc.property(...input, (retryAfter, attempt, remaining, random) => {
        const failure = new ArchiveFailure('provider_throttled', '429', { retryAfter });
        const delay = nextTryDelay(failure, attempt, clock(remaining, random));
        if (delay === undefined) return true;
        const fits = delay < remaining && delay <= 60_000;
        return attempt < maxTries && delay >= retryAfter * 1000 && fits;
      }),
    );
  });

  test('jitter lengthens a wait by less than a fifth', () => {
    const failure = new ArchiveFailure('provider_reset', '');
    assert.equal(nextTryDelay(failure, 1, clock(60_000, 0.999)), 5000 * (1 + 0.999 / 5));
  });
});

describe('redelivery', () => {
  test('doubles from a minute to a quarter of an hour', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 9].map((count) => redeliveryDelay(count, undefined)),
      [60, 120, 240, 480, 900, 900],
    );
  });

  test('honours Retry-After up to an hour', () => {
    assert.equal(redeliveryDelay(1, 1800), 1800);
    assert.equal(redeliveryDelay(1, 1e9), 3600);
    assert.equal(redeliveryDelay(1, 3), 60);
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  for (const [value, seconds] of [
    ['120', 120],
    [' 0 ', 0],
    ['Sun, 22 Nov 2026 12:01:30 GMT', 90],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    test(`${JSON.stringify(value)} means ${seconds} seconds`, () => {
      assert.equal(parseRetryAfter(value, now), seconds);
    });
  }
});
