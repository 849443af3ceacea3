import assert from 'node:assert/strict';
import { test } from 'vitest';
import { startStack } from '../../local/stack.ts';
import { addressesOf } from '../../local/story/addresses.ts';
import { startWorld as startConnectWorld, supabaseKey } from '../cli/connect/world.ts';
import { startDlqWorld } from '../cli/dlq/world.ts';
import { startWorld } from '../lambdas/world.ts';
import { bundles } from '../support/bundles.ts';
import { leaksIn } from '../support/leaks.ts';

const assertNoSecrets = (output: string, values: string[] = []) =>
  assert.deepEqual(leaksIn(output.replaceAll('\n', ' '), values), []);

test('npm run connect does not show the password that Postgres refused', async (t) => {
  const world = await startConnectWorld(t);
  const url = new URL(world.database.url);
  for (const password of ['hidden-password', 'hidden%2Fpassword', 'hidden%password']) {
    const wrong = `postgres://postgres:${password}@${url.host}${url.pathname}`;
    for (const parameters of [[], ['--check'], ['--json']]) {
      const { code, output } = await world.run(parameters, {
        SUPABASE_DB_URL: wrong,
        SUPABASE_SECRET_KEY: supabaseKey,
      });
      assert.equal(code, 2);
      assert.doesNotMatch(output, /hidden/);
      assertNoSecrets(output, [supabaseKey]);
    }
  }
});

test('npx track-archiver does not show what AWS quotes of a request', async (t) => {
  const world = await startDlqWorld(t);
  world.proxy.intercept = (_, response) => {
    response.writeHead(403, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(
      JSON.stringify({
        __type: 'InvalidSignatureException',
        message:
          "The Canonical String should have been 'POST\n/\nx-amz-security-token:IQoJb3JpZ2luEXAMPLETOKEN' Credential=AKIAIOSFODNN7EXAMPLE",
      }),
    );
    return true;
  };
  for (const parameters of [['dlq', 'list'], ['redrive'], ['dlq', 'list', '--json']]) {
    const { code, stdout, stderr } = await world.run(parameters);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /Canonical String/);
    assert.doesNotMatch(stdout + stderr, /EXAMPLE/);
    assertNoSecrets(stdout + stderr);
  }
});

test('npm start does not show the keys of a Supabase that it was given', async (t) => {
  const { gateway, database } = await startWorld(t);
  const { secret: secretKey } = gateway.keys;
  const stack = await startStack({
    given: {
      supabase: { url: gateway.url, databaseUrl: database.url, secretKey },
      awsEndpoint: undefined,
    },
    bundles,
  });
  t.onTestFinished(() => stack.stop());
  const { 'Webhook secret': _, ...shown } = addressesOf(stack);
  assertNoSecrets(JSON.stringify(shown), [secretKey, new URL(database.url).password]);
});
