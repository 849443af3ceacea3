import type { Result } from './run-tests.ts';

/** Where a peer is known to differ from AWS's documents. */
export interface Difference {
  /** The test that shows it, by its full name. */
  test: string;
  /** What the peer answers, in words. */
  answer: string;
  /** How that test fails. */
  failure: RegExp;
  /** AWS's words. */
  aws: string;
  source: string;
}

export interface Verdict {
  endpoint: string;
  results: readonly Result[];
  /** The listed differences that are there. */
  found: readonly Difference[];
  /** Whatever must be looked at: a failure that is not listed, or a listed difference that is not as listed. */
  problems: readonly string[];
}

/** Holds the results of one endpoint against what is listed for it. */
export function compare(
  endpoint: string,
  results: readonly Result[],
  listed: readonly Difference[],
): Verdict {
  const found: Difference[] = [];
  const problems: string[] = results.length === 0 ? ['no test ran'] : [];
  for (const { test, isPassed, message } of results) {
    const difference = listed.find((each) => each.test === test);
    if (difference === undefined) {
      if (!isPassed) problems.push(`${test}\n${message}`);
    } else if (isPassed) {
      problems.push(`${test}\nThis difference is gone: take it out of the list.`);
    } else if (difference.failure.test(message)) {
      found.push(difference);
    } else {
      problems.push(`${test}\nThis differs otherwise than is listed: ${message}`);
    }
  }
  for (const { test } of listed) {
    if (!results.some((result) => result.test === test)) {
      problems.push(`${test}\nA difference is listed for this test, which there is not.`);
    }
  }
  return { endpoint, results, found, problems };
}
