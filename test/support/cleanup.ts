import { afterAll } from 'vitest';

/** Runs functions when something is over, the latest first. A test's own context is one. */
export interface Cleanup {
  onTestFinished(run: () => unknown): void;
}

/** For what the tests of the file or suite that calls this share: when the last of them is over. */
export function afterSuite(): Cleanup {
  const runs: (() => unknown)[] = [];
  afterAll(async () => {
    for (const run of runs.reverse()) await run();
  });
  return { onTestFinished: (run) => void runs.push(run) };
}
