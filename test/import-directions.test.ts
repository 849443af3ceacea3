import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'vitest';

/** Lints one file, in a folder of its own, with the project's configuration. */
async function lint(t: TestContext, file: string, imported: string) {
  const folder = await mkdtemp(join(tmpdir(), 'house-'));
  t.onTestFinished(() => rm(folder, { recursive: true }));
  await copyFile('biome.json', join(folder, 'biome.json'));
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(
    join(folder, file),
    `import { thing } from '${imported}';\n\nexport const again = thing;\n`,
  );
  const biome = join(process.cwd(), 'node_modules/.bin/biome');
  const result = spawnSync(biome, ['lint', '--vcs-enabled=false', file], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status: result.status, output: result.stdout + result.stderr };
}

const refused: [file: string, imported: string][] = [
  ['core/new.ts', '../adapters/queue.ts'],
  ['core/new.ts', 'node:fs'],
  ['core/new.ts', '../app/archive-track.ts'],
  ['adapters/new.ts', '../app/archive-track.ts'],
  ['app/new.ts', '../lambdas/wire-archiver.ts'],
  ['app/new.ts', '../cli/connect.ts'],
  ['lambdas/archive/new.ts', '../../local/clock.ts'],
  ['cli/new.ts', '../lambdas/archive/handler.ts'],
  ['cli/new.ts', '../infra/config.ts'],
  ['console/new.ts', '../lambdas/archive/handler.ts'],
  ['local/new.ts', '../lambdas/archive/handler.ts'],
  ['infra/new.ts', '../adapters/queue.ts'],
  ['infra/new.ts', '../app/archive-track.ts'],
];

for (const [file, imported] of refused) {
  test(`${file} may not import ${imported}`, async (t) => {
    const { status, output } = await lint(t, file, imported);
    assert.equal(status, 1, output);
    assert.match(output, /noRestrictedImports/);
  });
}

const allowed: [file: string, imported: string][] = [
  ['adapters/new.ts', '../core/message.ts'],
  ['app/new.ts', '../core/message.ts'],
  ['app/new.ts', '../adapters/queue.ts'],
  ['lambdas/archive/new.ts', '../../adapters/queue.ts'],
  ['lambdas/archive/new.ts', '../../app/archive-track.ts'],
  ['cli/new.ts', '../app/archive-track.ts'],
  ['cli/new.ts', '../infra/cost/estimate.ts'],
  ['console/new.ts', '../app/archive-track.ts'],
  ['bench/new.ts', '../app/archive-track.ts'],
  ['infra/new.ts', '../core/environment.ts'],
];

for (const [file, imported] of allowed) {
  test(`${file} may import ${imported}`, async (t) => {
    const { status, output } = await lint(t, file, imported);
    assert.equal(status, 0, output);
  });
}
