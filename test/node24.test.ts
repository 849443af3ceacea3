import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'vitest';

/**
 * Runs the launcher in a Node that says of itself what is given, and that its program is one that does not exist:
 * the launcher either starts the pinned Node, or complains that `the-machines-node` does not start.
 */
function launch(
  version: string,
  platform: string = process.platform,
  args = ['-p', 'process.version'],
) {
  const lie = `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    process.execPath = 'the-machines-node';`;
  const preload = `data:text/javascript,${encodeURIComponent(lie)}`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', preload, 'node24.mjs', ...args],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

for (const version of ['20.20.2', '24.0.0', '24.2.0', '26.10.0']) {
  test(`Node ${version} of the machine starts the pinned one`, () => {
    const { stdout, stderr } = launch(version);
    assert.match(stdout, /^v2[46]\./, stderr);
  });
}

test("the machine's own Node 24 is used as it is", () => {
  assert.match(launch('24.3.0').stderr, /^the-machines-node does not start/);
});

test('on a platform without a pinned Node a newer one will do, and an older one is refused in one line', () => {
  assert.match(launch('26.10.0', 'sunos').stderr, /^the-machines-node does not start/);
  for (const version of ['20.20.2', '24.2.0']) {
    const { status, stderr } = launch(version, 'sunos');
    assert.equal(status, 2);
    assert.match(stderr, /^There is no pinned Node 24 for sunos-.+\n$/);
  }
});

test('the exit code is that of what it ran', () => {
  const { status } = launch('20.20.2', process.platform, ['-e', 'process.exitCode = 7']);
  assert.equal(status, 7);
});
