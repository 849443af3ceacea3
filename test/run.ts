import { existsSync, globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { lambdaNames } from '../lambdas/bundle.ts';
import { startPostgres } from '../local/postgres/server.ts';
import { judge, searchLogs } from './support/leaks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    // One more than there are cores, up to two of them: tests wait now and then.
    concurrency: { type: 'string', default: String(1 + Math.min(2, cpus().length)) },
    slow: { type: 'boolean', default: false },
  },
});

const root = join(import.meta.dirname, '..');
const files = globSync('**/*.test.ts', { cwd: import.meta.dirname })
  .map((file) => join(import.meta.dirname, file))
  .filter((file) => file.endsWith('.slow.test.ts') === values.slow)
  .filter((file) => {
    const name = relative(root, file).replaceAll('\\', '/');
    return positionals.length === 0 || positionals.some((part) => name.includes(part));
  })
  .sort();

/** Passed, failed: of the tests themselves, as the last summary of node:test counts them. */
async function runTests(): Promise<[number, number]> {
  const stream = run({
    files,
    isolation: 'process',
    concurrency: Number(values.concurrency),
    execArgv: ['--import', new URL('support/capture.ts', import.meta.url).href],
    timeout: values.slow ? 600_000 : 150_000,
  });
  const counts = new Promise<[number, number]>((resolve) => {
    stream.on('test:summary', (summary) => {
      if (summary.file !== undefined) return;
      const { passed, tests } = summary.counts;
      resolve([passed, tests - passed]);
    });
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  await finished(report);
  return counts;
}

/** The Lambdas as they are deployed, built once for all tests. */
async function buildBundles(outdir: string): Promise<void> {
  const builder = join(root, 'lambdas/bundle.ts');
  if (!existsSync(builder)) return;
  const { bundle } = await import(builder);
  process.env.TEST_BUNDLES = JSON.stringify(await bundle(undefined, outdir));
}

/** One more test, of what all the others made Lambdas and commands write. */
async function testLogs(directory: string, secrets: string[]): Promise<boolean> {
  const isWhole = positionals.length === 0 && !values.slow;
  const report = await searchLogs(directory, secrets);
  const { ok, text } = judge(report, isWhole ? [...(await lambdaNames()), 'handler'] : []);
  console.log(text);
  return ok;
}

const postgres = await startPostgres();
let passed = 0;
let failed = 0;
try {
  process.env.TEST_POSTGRES_URL = postgres.url('postgres');
  // Beside the data, so that they go with it even when this process is killed.
  await buildBundles(join(postgres.directory, 'bundles'));
  const logs = join(postgres.directory, 'logs');
  await mkdir(logs);
  Object.assign(process.env, {
    TEST_LOGS: logs,
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
    // What one test file's process has compiled, the next need not.
    NODE_COMPILE_CACHE: join(postgres.directory, 'compiled'),
  });
  if (files.length > 0) {
    [passed, failed] = await runTests();
    if (await testLogs(logs, [postgres.password])) passed += 1;
    else failed += 1;
  }
} finally {
  await postgres.stop();
}
if (failed > 0 || passed === 0) process.exitCode = 1;
await new Promise<void>((flushed) => process.stdout.write('', () => flushed()));
console.log(`tests: ${passed} passed, ${failed} failed`);
