import type { Verdict } from './compare.ts';

/** Prints what came out, side by side. Returns the exit code. */
export function report(verdicts: readonly Verdict[]): number {
  const tests = [...new Set(verdicts.flatMap(({ results }) => results.map(({ test }) => test)))];
  console.log(`\n${verdicts.map(({ endpoint }) => endpoint.padEnd(12)).join('')}`);
  for (const test of tests.sort()) {
    const marks = verdicts.map((verdict) => mark(verdict, test).padEnd(12));
    console.log(marks.join('') + test);
  }
  console.log('✓ as AWS documents it, ≠ a listed difference, ✗ neither');
  for (const { endpoint, found } of verdicts) {
    for (const { test, answer, aws, source } of found) {
      console.log(`\n≠ ${endpoint}: ${test}\n  ${answer}\n  AWS: ${aws}\n  ${source}`);
    }
  }
  for (const { endpoint, problems } of verdicts) {
    for (const problem of problems) console.log(`\n✗ ${endpoint}: ${problem}`);
  }
  const failed = verdicts.reduce((sum, { problems }) => sum + problems.length, 0);
  const passed = verdicts.reduce(
    (sum, { results, found }) =>
      sum + results.filter(({ isPassed }) => isPassed).length + found.length,
    0,
  );
  console.log(`\ntests: ${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function mark({ results, found, problems }: Verdict, test: string): string {
  if (problems.some((problem) => problem.startsWith(`${test}\n`))) return '✗';
  if (found.some((difference) => difference.test === test)) return '≠';
  return results.some((result) => result.test === test) ? '✓' : '';
}
