import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { ConfigurationError } from '../../core/environment.ts';
import { parseConfig } from '../../infra/config.ts';
import { exampleContext, root } from './example.ts';

const secretKey = 'sb_secret_abcdefghijklmnop';
const serviceRole = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl';

/** The lines of the one message about `context`, without its first. */
function problems(
  context: Record<string, unknown>,
  environment: Record<string, string> = {},
): string[] {
  try {
    parseConfig({ ...exampleContext, ...context }, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('configuration', () => {
  test('needs nothing but the Supabase URL', () => {
    assert.deepEqual(parseConfig(exampleContext, {}), {
      name: 'track-archiver',
      supabaseUrl: 'https://example.supabase.co',
      maxConcurrency: 5,
      retentionDays: 15,
      archiveAfterDays: 13,
      scheduleWindowMinutes: 15,
      sweepEveryMinutes: 60,
      providerTimeoutSeconds: 30,
      logRetentionDays: 30,
      logLevel: 'INFO',
      runbookUrl: 'docs/runbook.md',
    });
  });

  test('takes numbers as text, as -c gives them', () => {
    assert.equal(parseConfig({ ...exampleContext, maxConcurrency: '7' }, {}).maxConcurrency, 7);
  });

  test('lets the CDK’s own context pass', () => {
    assert.deepEqual(
      problems({ '@aws-cdk/core:flag': true, 'aws:cdk:bundling-stacks': ['**'] }),
      [],
    );
  });

  const wrong: [what: string, context: Record<string, unknown>, problem: RegExp][] = [
    ['a missing URL', { supabaseUrl: undefined }, /^supabaseUrl: missing/],
    ['an http URL', { supabaseUrl: 'http://x.supabase.co' }, /^supabaseUrl: must begin with https/],
    ['a URL with a path', { supabaseUrl: 'https://x.co/rest' }, /^supabaseUrl: .*without a path/],
    ['text that is no URL', { supabaseUrl: 'x' }, /^supabaseUrl: must be a URL/],
    ['retention below the delay', { retentionDays: 12 }, /^retentionDays: must be more than/],
    ['retention equal to the delay', { archiveAfterDays: '15' }, /^retentionDays: must be more/],
    ['a bad e-mail address', { alarmEmail: 'me' }, /^alarmEmail: must be an e-mail address/],
    ['a concurrency that AWS refuses', { maxConcurrency: 1 }, /^maxConcurrency: .*from 2 to 1000/],
    [
      'a log retention that AWS refuses',
      { logRetentionDays: 31 },
      /^logRetentionDays: must be one/,
    ],
    ['a window beyond a day', { scheduleWindowMinutes: 1441 }, /^scheduleWindowMinutes: .*1440/],
    ['a sweep every other hour', { sweepEveryMinutes: 120 }, /^sweepEveryMinutes: .*from 5 to 60/],
    ['a sweep without a pause', { sweepEveryMinutes: 1 }, /^sweepEveryMinutes: .*from 5 to 60/],
    ['a name that AWS refuses', { name: 'Track Archiver' }, /^name: must be 3 to 31/],
    ['a misspelt setting', { alarmMail: 'a@b.co' }, /^alarmMail: not a setting; there are name,/],
    ['a secret', { supabaseKey: secretKey }, /^supabaseKey: is a secret and no setting/],
  ];
  for (const [what, context, problem] of wrong) {
    test(`refuses ${what}, and says so in one line`, () => {
      const found = problems(context);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', problem);
    });
  }

  test('refuses a legacy and a new key at once', () => {
    const found = problems(
      {},
      { SUPABASE_SECRET_KEY: secretKey, SUPABASE_SERVICE_ROLE_KEY: serviceRole },
    );
    assert.deepEqual(found, [
      'SUPABASE_SECRET_KEY, SUPABASE_SERVICE_ROLE_KEY: a new and a legacy key at once; keep one (the new one) in the environment',
    ]);
  });

  test('refuses a key under the name of the other kind', () => {
    assert.match(
      problems({}, { SUPABASE_SECRET_KEY: serviceRole })[0] ?? '',
      /must begin with sb_/,
    );
    assert.match(problems({}, { SUPABASE_SERVICE_ROLE_KEY: secretKey })[0] ?? '', /three parts/);
  });

  test('reports all problems at once, never a value of a secret, and no stack trace', () => {
    const context = { supabaseUrl: 'http://x', retentionDays: 2, alarmEmail: '?', typo: 1 };
    const result = spawnSync(process.execPath, [join(root, 'infra/app.ts')], {
      encoding: 'utf8',
      env: {
        ...process.env,
        CDK_CONTEXT_JSON: JSON.stringify(context),
        SUPABASE_SECRET_KEY: secretKey,
        SUPABASE_SERVICE_ROLE_KEY: serviceRole,
      },
    });
    assert.equal(result.status, 1);
    assert.deepEqual(
      result.stderr
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/[:,]/, 1)[0]),
      [
        'Invalid configuration (give -c name=value',
        'supabaseUrl',
        'alarmEmail',
        'typo',
        'retentionDays',
        'SUPABASE_SECRET_KEY',
      ],
    );
    assert.ok(!result.stderr.includes(secretKey) && !result.stderr.includes(serviceRole));
  });
});
