import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'vitest';
import { judge, searchLogs } from './leaks.ts';

const root = join(import.meta.dirname, '../..');

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-leaks-'));
  t.onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

/** Runs a script as a test file is run, and looks through what was kept. */
async function capture(t: TestContext, script: string, more: string[] = []) {
  const directory = await folder(t);
  const file = join(directory, 'script.mjs');
  await writeFile(file, script);
  const parameters = ['--import', join(root, 'test/support/capture.ts'), file];
  // Into a file: the run that this test is part of must not see it.
  await using output = await open(join(directory, 'stdout'), 'w');
  const child = spawn(process.execPath, parameters, {
    env: { ...process.env, TEST_LOGS: directory, ROOT: root },
    stdio: ['ignore', output.fd, 'ignore'],
  });
  await once(child, 'close');
  const shown = await readFile(join(directory, 'stdout'), 'utf8');
  return { shown, ...(await searchLogs(directory, more)) };
}

const token = ['eyJhbGciOiJIUzI1NiJ9', 'eyJyb2xlIjoiYW5vbiJ9', 'c2lnbmF0dXJlIQ'].join('.');
const shown: [what: string, text: string][] = [
  ['a Supabase secret key', 'key sb_secret_0123456789abcdef'],
  ['a JSON Web Token', `{"apikey":"${token}"}`],
  ['a webhook secret', 'whsec_b25lIG9sZCBzZWNyZXQgb2YgMjRi'],
  ['a webhook signature', `v1,${'A'.repeat(43)}=`],
  ['an address with a password', 'connect to postgres://postgres:hidden@db.example.com/postgres'],
  ['a signed address', 'https://cdn.example.com/a.mp3?x=1&signature=abc'],
  ['an Authorization header', '{"authorization":"Bearer abcdefgh"}'],
];

describe('a line is a leak', () => {
  for (const [what, text] of shown) {
    test(`that shows ${what}, whoever writes it`, async (t) => {
      const { leaks } = await capture(t, `console.log(${JSON.stringify(text)})`);
      assert.ok(leaks.some((leak) => leak.what === what));
      assert.ok(leaks.every((leak) => leak.source === 'script.mjs'));
      assert.ok(leaks.every(({ line }) => line.includes('▇')));
    });
  }

  test('that shows a remembered value, plain or encoded', async (t) => {
    const { leaks } = await capture(
      t,
      `const { rememberSecrets } = await import(process.env.ROOT + '/test/support/capture.ts');
       rememberSecrets('open/sesame');
       console.log('open/sesame'); console.log('open%2Fsesame'); console.log(btoa('open/sesame'));
       console.log('hunter2')`,
      ['hunter2'],
    );
    assert.equal(leaks.filter(({ what }) => what === 'a secret of the test').length, 4);
  });
});

test('what a handler in the process logs is kept, and does not disturb the output', async (t) => {
  const { shown, sources } = await capture(
    t,
    `const { createTelemetry } = await import(process.env.ROOT + '/adapters/telemetry.ts');
     console.log('before');
     createTelemetry('tester').log.warn('hello');
     console.log('after')`,
  );
  assert.equal(shown, 'before\nafter\n');
  assert.equal(sources.get('handler'), 1);
  assert.equal(sources.get('script.mjs'), 2);
});

test('what a Lambda’s process writes or throws, and what a command prints, is kept under its name', async (t) => {
  const { sources, leaks } = await capture(
    t,
    `import { spawn } from 'node:child_process';
     import { mkdir, writeFile } from 'node:fs/promises';
     const { startFunction } = await import(process.env.ROOT + '/local/aws/lambda.ts');
     const { createClock } = await import(process.env.ROOT + '/local/clock.ts');
     const folder = process.env.TEST_LOGS;
     await mkdir(folder + '/sender');
     const bundle = folder + '/sender/index.mjs';
     await writeFile(bundle, \`export const handler = () => {
       process.stderr.write('half of sb_secret_');
       process.stderr.write('0123456789\\\\n');
       throw new Error('whsec_' + 'b25lIG9sZCBzZWNyZXQgb2YgMjRi');
     }\`);
     const fn = startFunction({ name: 'sender', bundle, environment: {}, memoryMegabytes: 128,
       timeoutSeconds: 10, maxConcurrency: 1, clock: createClock() });
     await fn.invoke({}).catch(() => {});
     await fn.stop();
     await writeFile(folder + '/command.mjs', "console.log('Bearer ' + '0123456789')");
     const child = spawn(process.execPath, [folder + '/command.mjs']);
     child.stdout.resume();
     await new Promise((ended) => child.once('close', ended));`,
  );
  assert.deepEqual([...sources.keys()].sort(), ['command.mjs', 'sender']);
  assert.deepEqual(leaks.map(({ source, what }) => `${source}: ${what}`).sort(), [
    'command.mjs: an Authorization header',
    'sender: a Supabase secret key',
    'sender: a webhook secret',
  ]);
});

test('who wrote nothing is named, and fails the run as a leak does', () => {
  const good = { lines: 1, sources: new Map([['archive', 1]]), leaks: [] };
  assert.equal(judge(good, ['archive']).ok, true);
  assert.match(judge(good, ['archive', 'sweep']).text, /nothing of sweep was captured/);
  const leaks = [{ source: 'archive', what: 'a webhook secret', line: 'x' }];
  assert.equal(judge({ ...good, leaks }, ['archive']).ok, false);
});
