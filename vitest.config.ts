import { cpus } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const slow = '**/*.slow.test.ts';

// biome-ignore lint/style/noDefaultExport: Vitest reads the default export.
export default defineConfig({
  test: {
    // Node runs the TypeScript itself, as it runs everything else here.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    pool: 'forks',
    // One more than there are cores, up to two of them: tests wait now and then.
    maxWorkers: 1 + Math.min(2, cpus().length),
    maxConcurrency: 2,
    execArgv: ['--import', join(import.meta.dirname, 'test/support/capture.ts')],
    globalSetup: 'test/support/setup.ts',
    disableConsoleIntercept: true,
    // What runs where no `--project` is named. Its types know it on the command line only.
    ...({ project: 'fast' } as object),
    reporters: ['default', 'test/support/closing-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [slow],
          testTimeout: 150_000,
          hookTimeout: 150_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: [`test/${slow}`],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['{core,adapters,lambdas,cli,local,infra,bench}/**/*.ts'],
      reportsDirectory: '.local/coverage',
      reporter: ['text-summary', 'html'],
    },
  },
});
