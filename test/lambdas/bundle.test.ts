import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { bundle, lambdaNames } from '../../lambdas/bundle.ts';

const run = promisify(execFile);

test('a bundle has everything inside, starts without our folders, and is the same bytes every time', async (t) => {
  const names = await lambdaNames();
  assert.ok(names.includes('enqueue') && names.includes('archive'));
  const outdirs = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'bundle-'))));
  for (const outdir of outdirs) t.onTestFinished(() => rm(outdir, { recursive: true }));
  const [once, twice] = await Promise.all(outdirs.map((outdir) => bundle(undefined, outdir)));
  for (const name of names) {
    const file = once?.[name] ?? '';
    assert.ok((await readFile(file)).equals(await readFile(twice?.[name] ?? '')));
    const started = run(process.execPath, [file], { env: {}, cwd: tmpdir() });
    await assert.rejects(started, (error: Error & { stderr: string }) => {
      assert.match(error.stderr, /ConfigurationError: .*environment is not right/);
      return true;
    });
  }
});
