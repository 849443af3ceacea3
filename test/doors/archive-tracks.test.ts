import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type TestContext, test } from 'vitest';
import { startWorld } from '../lambdas/world.ts';
import { trying } from './fuzz.ts';
import { type Answer, anyBody, anyHeaders, createClient, marker, mutated } from './requests.ts';
import { startBundle } from './start.ts';

async function start(t: TestContext) {
  const world = await startWorld(t);
  const started = await startBundle(t, world, 'archive-tracks');
  const client = createClient(started.url);
  t.onTestFinished(client.close);
  const authorization = `Bearer ${world.gateway.keys.secret}`;
  return {
    world,
    started,
    client,
    authorization,
    async assertAlive() {
      const headers = { authorization, 'content-type': 'application/json' };
      const body = Buffer.from('{"limit":1}');
      const answer = await client.send({ method: 'POST', path: '/', headers, body });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(started.crashes(), []);
      assert.ok(!started.lines.some((line) => line.includes(marker)));
    },
  };
}

function assertDocumented({ status, contentType, text }: Answer, allowed: number[]): void {
  assert.ok(allowed.includes(status), `${status} ${text}`);
  assert.equal(contentType, 'application/json');
  const answer = JSON.parse(text);
  assert.equal(answer.success, status === 200);
  assert.equal(typeof (status === 200 ? answer.message : answer.error), 'string');
  assert.doesNotMatch(text, new RegExp(`${marker}|\\bat .*:\\d+|node:|\\.m?[jt]s\\b`));
}

const method = fc.constantFrom('POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS');

test('whatever a stranger asks is answered with 401, and nobody else is asked', async (t) => {
  const { world, started, client, assertAlive } = await start(t);
  const { anon, publishable, secret } = world.gateway.keys;
  const credentials = fc.oneof(
    fc.constant({}),
    fc
      .constantFrom(anon, publishable, secret.slice(0, -1), `${secret}x`, `${secret} ${secret}`, '')
      .chain((key) => fc.constantFrom({ apikey: key }, { authorization: `Bearer ${key}` })),
  );
  await fc.assert(
    fc.asyncProperty(
      method,
      anyHeaders,
      credentials,
      anyBody,
      async (method, others, given, body) => {
        const headers = { ...others, ...given };
        assertDocumented(await client.send({ method, path: '/', headers, body }), [401]);
      },
    ),
    trying(200),
  );
  assert.deepEqual(world.supabase.passed, []);
  assert.ok(started.aws.passed.length <= 1, 'the secret, once');
  await assertAlive();
});

test('whatever somebody asks who has the key is answered with 200, 400 or 405', async (t) => {
  const { client, authorization, assertAlive } = await start(t);
  const body = fc.oneof(anyBody, mutated({ trackId: randomUUID(), limit: 10 }));
  await fc.assert(
    fc.asyncProperty(method, anyHeaders, body, async (method, others, body) => {
      const headers = { ...others, authorization };
      const answer = await client.send({ method, path: '/', headers, body });
      assertDocumented(answer, method === 'POST' ? [200, 400] : [405]);
    }),
    trying(150),
  );
  await assertAlive();
});

test('whatever shape an event may have, the function answers it', async (t) => {
  const { started, assertAlive } = await start(t);
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(marker, `Bearer ${marker}`));
  const name = fc.oneof(text, fc.constantFrom('authorization', 'Authorization', 'apikey'));
  const event = fc.record(
    { headers: fc.dictionary(name, text), body: text, isBase64Encoded: fc.boolean() },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(event, async (value) => {
      const answer = (await started.fn.invoke(value)) as { statusCode: number; body: string };
      const { statusCode: status, body } = answer;
      assertDocumented({ status, contentType: 'application/json', text: body }, [401]);
    }),
    trying(200),
  );
  await assertAlive();
});
