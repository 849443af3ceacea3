import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { lambdaNames } from '../../lambdas/bundle.ts';
import { judge, searchLogs } from './leaks.ts';

/**
 * The last test of every run: no secret is in what all others made Lambdas and commands write. Then the closing line,
 * `tests: N passed, N failed`.
 */
// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter's default export.
export default class ClosingReporter implements Reporter {
  private vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  async onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): Promise<void> {
    let passed = 0;
    let failed = errors.length + modules.filter((module) => module.errors().length > 0).length;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failed += 1;
      }
    }
    if (passed + failed === 0) {
      process.exitCode = 1;
      console.log('No test ran: nothing matches what was asked for.');
      return;
    }
    if (await this.findsNoSecret(modules)) passed += 1;
    else failed += 1;
    if (failed > 0) process.exitCode = 1;
    console.log(`tests: ${passed} passed, ${failed} failed`);
  }

  private async findsNoSecret(modules: readonly TestModule[]): Promise<boolean> {
    const logs = process.env.TEST_LOGS ?? '';
    const expected = (await this.isWholeFastRun(modules))
      ? [...(await lambdaNames()), 'handler']
      : [];
    const { ok, text } = judge(await searchLogs(logs, [databasePassword()]), expected);
    console.log(text);
    // A watching run begins its next one with nothing.
    for (const name of await readdir(logs)) await rm(join(logs, name));
    return ok;
  }

  private async isWholeFastRun(modules: readonly TestModule[]): Promise<boolean> {
    if (this.vitest === undefined || this.vitest.config.testNamePattern !== undefined) return false;
    const ran = new Set(modules.map(({ moduleId }) => moduleId));
    const all = await this.vitest.globTestSpecifications();
    const fast = all.filter(({ project }) => project.name === 'fast');
    return fast.length > 0 && fast.every(({ moduleId }) => ran.has(moduleId));
  }
}

const databasePassword = (): string => new URL(process.env.TEST_POSTGRES_URL ?? '').password;
