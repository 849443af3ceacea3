import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'vitest';

const command = new URL('../../bench/database.ts', import.meta.url).pathname;

async function bench(...options: string[]) {
  const child = spawn(process.execPath, [command, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

test('a run with few tracks is whole: exact statistics, every query and trigger, an adoption that nobody notices', async () => {
  const { code, stdout, stderr } = await bench('--tracks', '2000', '--json');
  assert.equal(code, 0, stderr);
  const results = JSON.parse(stdout);
  assert.equal(results.tracks, 2000);
  assert.equal(results.statisticsAreExact, true);
  assert.ok(results.archived > 1700 && results.archived < 1900, String(results.archived));
  assert.deepEqual(Object.keys(results.jobs).sort(), ['completed', 'pending']);
  assert.equal(results.queries.length, 15);
  assert.equal(results.triggers.length, 8);
  for (const { milliseconds } of results.queries) assert.ok(milliseconds > 0);
  const { rewritten, webhooks, notifications } = results.adoption;
  assert.deepEqual([rewritten, webhooks, notifications], [false, 0, 0]);
  assert.match(stderr, /2000 of 2000 tracks/);
});

test('a goal that is missed is named, and an exit code of 1 with --check', async () => {
  const { code, stdout } = await bench('--tracks', '1000', '--goal', '0', '--plans', '--check');
  assert.equal(code, 1);
  assert.match(stdout, /worklist of 200 .* MISSED/);
  assert.match(stdout, /Missed: worklist of 200; /);
  assert.match(stdout, /Index .*Scan/);
});

test('options that make no sense are refused before anything is filled', async () => {
  const { code, stderr } = await bench('--tracks', 'many');
  assert.equal(code, 2);
  assert.match(stderr, /Usage: npm run bench:database/);
});
