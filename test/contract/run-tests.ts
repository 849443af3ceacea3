import { join } from 'node:path';
import { createVitest } from 'vitest/node';

/** Where the contract tests are sent. */
export interface Endpoint {
  name: string;
  environment: Record<string, string>;
}

export interface Result {
  test: string;
  isPassed: boolean;
  /** What went wrong, empty where nothing did. */
  message: string;
}

/** Runs the contract tests against all endpoints at once. Results by endpoint, in the tests' order. */
export async function runTests(endpoints: readonly Endpoint[]): Promise<Map<string, Result[]>> {
  const vitest = await createVitest('test', {
    root: join(import.meta.dirname, '../..'),
    config: false,
    watch: false,
    reporters: [{}],
    experimental: { viteModuleRunner: false, nodeLoader: false },
    pool: 'forks',
    // Most of their time they wait, for the longest of them a minute.
    maxWorkers: 8,
    projects: endpoints.map(({ name, environment }) => ({
      test: {
        name,
        env: environment,
        include: ['test/local/aws/*.contract.test.ts'],
        testTimeout: 150_000,
        hookTimeout: 150_000,
      },
    })),
  });
  try {
    const { testModules, unhandledErrors } = await vitest.start();
    const results = new Map(endpoints.map(({ name }) => [name, [] as Result[]]));
    for (const module of testModules) {
      const found = results.get(module.project.name);
      for (const error of module.errors()) {
        found?.push({ test: module.relativeModuleId, isPassed: false, message: error.message });
      }
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result();
        const message = errors.map((error) => `${error.name}: ${error.message}`).join('\n');
        found?.push({ test: test.fullName, isPassed: state === 'passed', message });
      }
    }
    if (unhandledErrors.length > 0) throw new AggregateError(unhandledErrors, 'outside any test');
    return results;
  } finally {
    await vitest.close();
  }
}
