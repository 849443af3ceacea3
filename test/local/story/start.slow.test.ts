import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'vitest';
import { demoAudio } from '../../../local/story/options.ts';
import { until } from '../../support/until.ts';
import { type Event, type Run, start } from './start.ts';

async function summaryOf(run: Run): Promise<Event> {
  const find = () => run.events().find(({ event }) => event === 'summary');
  const ended = run.exit.then(() => assert.fail(`ended without a summary: ${run.stderr}`));
  return await Promise.race([ended, until(find, { timeout: 60_000, what: 'the summary' })]);
}

function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe.concurrent('npm start', () => {
  test('archives a real address, stays up, and ends cleanly with Ctrl-C', async (t) => {
    const run = start(['--json', '--audio', demoAudio]);
    t.onTestFinished(() => void run.child.kill('SIGKILL'));
    const { held, expectations, addresses } = await summaryOf(run);
    assert.equal(held, true, JSON.stringify(expectations));
    const [, file] = /(http:\S+\.mp3), \d+ bytes, sha256 [0-9a-f]{64}/.exec(
      expectations[0].found,
    ) ?? ['', ''];
    // Another whole command runs in the meantime.
    assert.equal(await start(['--help']).exit, 0);
    assert.equal((await fetch(file)).status, 200);
    assert.equal(await isOpen(addresses['Postgres (psql)']), true);

    run.child.kill('SIGINT');
    assert.equal(await run.exit, 0, run.stderr);
    assert.equal(await isOpen(addresses['Postgres (psql)']), false);
  });

  test('leaves nothing running when it is killed hard', async (t) => {
    const run = start(['--json', '--audio', demoAudio]);
    t.onTestFinished(() => void run.child.kill('SIGKILL'));
    const { addresses } = await summaryOf(run);
    run.child.kill('SIGKILL');
    await run.exit;
    for (const name of ['Postgres (psql)', 'Supabase URL', 'AWS_ENDPOINT_URL']) {
      await until(async () => !(await isOpen(addresses[name])), { what: `the end of ${name}` });
    }
  });

  test('says what to do next about an address that cannot be archived, and exits 1', async (t) => {
    const run = start(['--once', '--audio', demoAudio.replace('demo', 'missing')]);
    t.onTestFinished(() => void run.child.kill('SIGKILL'));
    assert.equal(await run.exit, 1);
    assert.match(run.lines.join('\n'), /✗ .*provider_gone: .*404.*What to do: /);
  });

  test('ends in the middle of the story without a stack trace', async (t) => {
    const run = start(['--json']);
    t.onTestFinished(() => void run.child.kill('SIGKILL'));
    await until(() => run.events().some(({ event }) => event === 'day'), { timeout: 60_000 });
    run.child.kill('SIGINT');
    assert.equal(await run.exit, 130);
    assert.equal(run.stderr, '');
  });

  for (const [what, args, environment, message] of [
    ['an unknown option', ['--often'], {}, /unknown option '--often'/],
    ['an address without https', ['--audio', 'http://a.example/x'], {}, /only https/],
    ['no address at all', ['--audio', 'song.mp3'], {}, /this is no URL/],
    ['SUPABASE_URL alone', [], { SUPABASE_URL: 'http://127.0.0.1:1' }, /SUPABASE_SECRET_KEY/],
    ['--once with a given AWS', ['--once'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, /--audio/],
  ] as const) {
    test(`refuses ${what} with a clear message and exit code 2`, async () => {
      const run = start([...args], environment);
      assert.equal(await run.exit, 2);
      assert.match(run.stderr, message);
      assert.match(run.stderr, /--help tells more/);
      assert.doesNotMatch(run.stderr, /\n {4}at /);
    });
  }
});
