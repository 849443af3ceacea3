import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundle } from '../../lambdas/bundle.ts';
import { startPostgres } from '../../local/postgres/server.ts';

/**
 * Once for all test files: one PostgreSQL, the Lambdas built as they are deployed, and a folder for what Lambdas and
 * commands write. Test processes find them in their environment. A watching run builds the Lambdas anew each time.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  // Beside the data, so that they go with it even when this process is killed.
  const bundles = join(postgres.directory, 'bundles');
  const logs = join(postgres.directory, 'logs');
  await mkdir(logs);
  Object.assign(process.env, {
    TEST_POSTGRES_URL: postgres.url('postgres'),
    TEST_BUNDLES: JSON.stringify(await bundle(undefined, bundles)),
    TEST_LOGS: logs,
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
    // What one test file's process has compiled, the next need not.
    NODE_COMPILE_CACHE: join(postgres.directory, 'compiled'),
  });
  project.onTestsRerun(async () => void (await bundle(undefined, bundles)));
  return () => postgres.stop();
}
