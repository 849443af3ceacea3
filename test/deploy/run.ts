import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEmulator } from './emulator.ts';
import { playDeployment } from './story.ts';

const missing = `There is no AWS emulator, so nothing was tested. Either
  .ci/install-ministack        installs MiniStack into .local/ministack-venv (Python 3.10 or newer), or
  AWS_ENDPOINT_URL=http://…    names one that runs, see docs/deploy.md`;

const directory = await mkdtemp(join(tmpdir(), 'track-archiver-deploy-'));
const start = performance.now();
const log = (text: string) => {
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds} s  ${text}`);
};

try {
  await using started = new AsyncDisposableStack();
  const emulator = await findEmulator(directory);
  if (emulator === undefined) {
    console.error(missing);
    process.exitCode = 2;
  } else {
    started.defer(emulator.stop);
    log(`AWS is ${emulator.url}`);
    try {
      await Promise.race([playDeployment({ emulator, directory, log, started }), emulator.died]);
      console.log('tests: 1 passed, 0 failed');
    } catch (error) {
      console.error(error);
      console.log('tests: 0 passed, 1 failed');
      process.exitCode = 1;
    }
  }
} finally {
  if (process.env.KEEP === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(`Logs are in ${directory}`);
}
// What was still being tried when the emulator died would be tried to its end.
process.exit();
