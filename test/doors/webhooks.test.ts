import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type TestContext, test } from 'vitest';
import { signed, webhookBody } from '../lambdas/enqueue/post.ts';
import { insertTrack } from '../lambdas/tracks.ts';
import { startWorld, webhookSecrets } from '../lambdas/world.ts';
import { trying } from './fuzz.ts';
import {
  type Answer,
  anyBody,
  anyHeaders,
  createClient,
  marker,
  mutated,
  type Request,
} from './requests.ts';
import { startBundle } from './start.ts';

async function start(t: TestContext) {
  const world = await startWorld(t);
  const started = await startBundle(t, world, 'enqueue');
  const client = createClient(started.url);
  t.onTestFinished(client.close);
  const track = await insertTrack(world, { audio_url: 'https://cdn.provider.example/a.mp3' });
  const valid = webhookBody(track.id);
  return {
    world,
    started,
    client,
    track,
    /** The door is still open for who may come in, and no process ended on the way. */
    async assertAlive() {
      const headers = { 'content-type': 'application/json', ...signed(valid) };
      const answer = await client.send({
        method: 'POST',
        path: '/',
        headers,
        body: Buffer.from(valid),
      });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(started.crashes(), []);
      assert.ok(!started.lines.some((line) => line.includes(marker)));
    },
  };
}

/** An answer as the documentation has it, whatever was asked. */
function assertDocumented({ status, contentType, text }: Answer, allowed: number[]): void {
  assert.ok(allowed.includes(status), `${status} ${text}`);
  assert.equal(contentType, 'application/json');
  const { action, trackId, dueAt, reason, error, ...others } = JSON.parse(text);
  assert.deepEqual(others, {});
  if (status === 200) {
    assert.match(action, /^(scheduled|enqueued|rescheduled|cancelled|ignored)$/);
    assert.match(trackId ?? randomUUID(), /^[0-9a-f-]{36}$/);
    for (const each of [dueAt, reason]) assert.ok(each === undefined || typeof each === 'string');
  } else {
    assert.equal(typeof error, 'string');
    assert.ok(error.length < 300, error);
  }
  assert.doesNotMatch(text, new RegExp(`${marker}|\\bat .*:\\d+|node:|\\.m?[jt]s\\b`));
}

const anyRequest: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom('POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  path: fc.webPath().map((path) => `/${encodeURI(path).replaceAll(/^\/+/g, '')}`),
  headers: anyHeaders,
  body: anyBody,
});

test('whatever a stranger sends is answered with 401 or 413, and nobody is asked', async (t) => {
  const { world, started, client, assertAlive } = await start(t);
  await fc.assert(
    fc.asyncProperty(anyRequest, async (request) => {
      assertDocumented(await client.send(request), [401, 413]);
    }),
    trying(200),
  );
  assert.deepEqual(world.supabase.passed, []);
  assert.ok(started.aws.passed.length <= 1, 'the secret, once');
  await assertAlive();
});

test('whatever somebody sends who knows a secret is answered with 200, 400 or 413', async (t) => {
  const { client, track, assertAlive } = await start(t);
  const webhook = fc
    .constantFrom('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    .chain((type) =>
      mutated({ ...JSON.parse(webhookBody(track.id)), type, record: { id: randomUUID() } }),
    );
  const kinds = fc.constantFrom<Record<string, string>>(
    { 'content-type': 'application/json' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/octet-stream' },
    { 'content-type': 'application/json; charset=utf-16' },
    {},
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(webhook, anyBody),
      anyHeaders,
      kinds,
      fc.constantFrom(...webhookSecrets),
      fc.boolean(),
      async (body, others, kind, secret, isShared) => {
        const credentials = isShared
          ? { 'x-webhook-secret': secret }
          : signed(body.toString(), { secret });
        const headers = { ...others, ...kind, ...credentials };
        const answer = await client.send({ method: 'POST', path: '/', headers, body });
        assertDocumented(answer, [200, 400, 413]);
      },
    ),
    trying(200),
  );
  await assertAlive();
});

test('a signature that is not quite right is never taken for one', async (t) => {
  const { world, client, track, assertAlive } = await start(t);
  const body = webhookBody(track.id);
  const good = signed(body);
  const names = Object.keys(good);
  const change = fc.tuple(
    fc.constantFrom(...names),
    fc.oneof(
      fc.constantFrom(
        (text: string) => text.slice(1),
        (text: string) => text.slice(0, -1),
        (text: string) => `${text}${text}`,
        (text: string) => text.toUpperCase(),
        (text: string) => text.replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
        (text: string) => `0${text}`,
        (text: string) => `-${text}`,
        (text: string) => text.replace('v1,', 'v1=,'),
        () => '',
      ),
      fc.string({ maxLength: 60 }).map((text) => () => text.trim()),
    ),
  );
  await fc.assert(
    fc.asyncProperty(change, async ([name, alter]) => {
      const changed = alter(good[name] ?? '');
      fc.pre(changed !== good[name]);
      const headers = { 'content-type': 'application/json', ...good, [name]: changed };
      const answer = await client.send({
        method: 'POST',
        path: '/',
        headers,
        body: Buffer.from(body),
      });
      assertDocumented(answer, [401]);
    }),
    trying(150),
  );
  assert.deepEqual(world.supabase.passed, []);
  await assertAlive();
});

test('whatever shape an event may have, the function answers it', async (t) => {
  const { started, assertAlive } = await start(t);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(marker, '', `Bearer ${marker}`),
  );
  const event = fc.record(
    {
      version: fc.constant('2.0'),
      headers: fc.oneof(fc.dictionary(text, text), fc.constant({ 'webhook-signature': 'v1,x' })),
      body: fc.oneof(text, fc.constant('{"type":"UPDATE"}')),
      isBase64Encoded: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(event, async (value) => {
      const answer = (await started.fn.invoke(value)) as { statusCode: number; body: string };
      assertDocumented(
        { status: answer.statusCode, contentType: 'application/json', text: answer.body },
        [401, 413],
      );
    }),
    trying(200),
  );
  await assertAlive();
});
