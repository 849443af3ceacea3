import assert from 'node:assert/strict';
import type { LambdaFunctionURLResult } from 'aws-lambda';
import { describe, test } from 'vitest';
import { receiveWebhook } from '../../../lambdas/enqueue/receive.ts';
import { quiet } from '../quiet.ts';
import { webhookSecrets } from '../world.ts';
import { functionUrlEvent, signed, webhookBody } from './post.ts';

const now = new Date('2026-11-22T12:00:00Z');
const trackId = '0b0f8a1e-5f0c-4f57-8a8e-1c2d3e4f5a6b';
const body = webhookBody(trackId);
const [oldSecret = '', newSecret = ''] = webhookSecrets;

/** Posts to the endpoint alone: what would reach AWS or the database is counted, and nothing is there. */
async function post(
  text: string | Buffer,
  headers: Record<string, string>,
  secrets: readonly string[] = webhookSecrets,
) {
  const calls = { secrets: 0, enqueued: [] as string[], errors: [] as unknown[] };
  const result = (await receiveWebhook(functionUrlEvent(text, headers), {
    readWebhookSecrets: async () => {
      calls.secrets += 1;
      return secrets;
    },
    enqueue: async (id) => {
      calls.enqueued.push(id);
      return { action: 'scheduled', trackId: id };
    },
    telemetry: { ...quiet, log: { ...quiet.log, error: (text) => void calls.errors.push(text) } },
    now: () => now,
  })) as Exclude<LambdaFunctionURLResult, string>;
  return { status: result.statusCode, body: JSON.parse(result.body ?? ''), ...calls };
}
const sign = (text: string, options: object = {}) => signed(text, { at: now, ...options });

describe('a webhook is let in', () => {
  const seconds = (count: number) => new Date(now.getTime() + count * 1000);
  const both = {
    ...sign(body),
    'webhook-signature': `v1a,xx v1,AAAA ${sign(body)['webhook-signature']}`,
  };
  for (const [what, headers] of [
    ['with a signature of the old secret', sign(body, { secret: oldSecret })],
    ['with a signature of the new secret', sign(body, { secret: newSecret })],
    ['with one good signature among several', both],
    ['with a signature that is nearly an hour old', sign(body, { at: seconds(-3599) })],
    ['with a clock that runs ahead', sign(body, { at: seconds(3599) })],
    ['with the shared secret', { 'x-webhook-secret': newSecret }],
    ['with headers in capitals', { 'X-Webhook-Secret': oldSecret }],
  ] as [string, Record<string, string>][]) {
    test(what, async () => {
      const answer = await post(body, headers);
      assert.deepEqual([answer.status, answer.enqueued, answer.errors], [200, [trackId], []]);
      assert.deepEqual(answer.body, { action: 'scheduled', trackId });
    });
  }

  test('as base64, as a function URL passes on what it takes for binary', async () => {
    const answer = await post(Buffer.from(body), sign(body));
    assert.deepEqual([answer.status, answer.enqueued], [200, [trackId]]);
  });

  test('with titles in any script, and keys that we do not know', async () => {
    const webhook = { ...JSON.parse(body), extra: 1 };
    webhook.record = { ...webhook.record, title: 'Песня 歌 🎵 \u0000 "quotes"', audio_url: 'x y' };
    const text = JSON.stringify(webhook);
    assert.equal((await post(text, sign(text))).status, 200);
  });

  test('with spaces as Postgres writes them, signed over exactly that text', async () => {
    const text = body.replaceAll('":', '": ').replaceAll(',"', ', "');
    assert.equal((await post(text, sign(text))).status, 200);
    assert.equal((await post(text, sign(body))).status, 401);
  });

  test('with an id in capitals, which is the same track', async () => {
    const text = webhookBody(trackId.toUpperCase());
    assert.deepEqual((await post(text, sign(text))).enqueued, [trackId]);
  });

  test('although a secret beside the good one is mistyped', async () => {
    const mistyped = 'whsec_no base64, and long enough';
    for (const secrets of [
      [mistyped, oldSecret],
      [oldSecret, mistyped],
    ]) {
      const { status, errors } = await post(body, sign(body), secrets);
      assert.equal(status, 200);
      assert.match(String(errors), /^A webhook secret is not base64 [^,]*$/, 'said once');
    }
    assert.equal((await post(body, sign(body), [mistyped])).status, 401);
  });

  test('with a shared secret that is no Standard Webhooks secret', async () => {
    const secret = 'made in the dashboard';
    const answer = await post(body, { 'x-webhook-secret': secret }, [secret, oldSecret]);
    assert.equal(answer.status, 200);
    assert.equal((await post(body, sign(body), [secret, oldSecret])).status, 200);
  });
});

describe('a webhook is refused with 401, before anybody is asked', () => {
  const good = sign(body);
  const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);
  for (const [what, headers] of [
    ['without a signature', {}],
    ['with an empty signature', { ...good, 'webhook-signature': '' }],
    ['with an empty shared secret', { 'x-webhook-secret': '' }],
    [
      'with a signature of another secret',
      sign(body, { secret: 'whsec_bm90IG91ciBvd24gc2VjcmV0ISEh' }),
    ],
    ['with a signature of another body', sign(`${body} `)],
    [
      'with a signature of another version',
      { ...good, 'webhook-signature': good['webhook-signature']?.replace('v1,', 'v2,') },
    ],
    [
      'with a bare signature',
      { ...good, 'webhook-signature': good['webhook-signature']?.slice(3) },
    ],
    ['without an id', { ...good, 'webhook-id': '' }],
    ['with another id', { ...good, 'webhook-id': 'msg_2' }],
    ['without a timestamp', { ...good, 'webhook-timestamp': '' }],
    ['with a timestamp that is no number', { ...good, 'webhook-timestamp': '1e9' }],
    ['with a signature more than an hour old', sign(body, { at: hours(-1.01) })],
    ['with a signature more than an hour ahead', sign(body, { at: hours(1.01) })],
    [
      'with another timestamp than the signed one',
      { ...good, 'webhook-timestamp': String(now.getTime() / 1000 - 1) },
    ],
    ['with a wrong shared secret', { 'x-webhook-secret': `${oldSecret}x` }],
    ['with a part of the shared secret', { 'x-webhook-secret': oldSecret.slice(0, -1) }],
    ['with two secrets as one', { 'x-webhook-secret': webhookSecrets.join(' ') }],
  ] as [string, Record<string, string>][]) {
    test(what, async () => {
      const answer = await post(body, headers);
      assert.deepEqual([answer.status, answer.enqueued], [401, []]);
      assert.equal(typeof answer.body.error, 'string');
    });
  }

  test('and one without credentials costs not even a look at the secret', async () => {
    assert.equal((await post(body, {})).secrets, 0);
  });
});

describe('an authentic webhook is refused with 400', () => {
  const change = (columns: object) => JSON.stringify({ ...JSON.parse(body), ...columns });
  for (const [what, text] of [
    ['that is empty', ''],
    ['that is not JSON', '{"type":'],
    ['that is a list', '[]'],
    ['that is null', 'null'],
    ['without a type', change({ type: undefined })],
    ['without a table', change({ table: undefined })],
    ['without a record', change({ record: null })],
    ['with a deletion without its old record', change({ type: 'DELETE', old_record: null })],
    ['with an id that is no UUID', change({ record: { id: '12345' } })],
    ['with an id that is a number', change({ record: { id: 12345 } })],
    ['with an id that wants out of its folder', change({ record: { id: `../${trackId}` } })],
  ] as const) {
    test(what, async () => {
      const answer = await post(text, sign(text));
      assert.deepEqual([answer.status, answer.enqueued], [400, []]);
      assert.doesNotMatch(JSON.stringify(answer.body), /12345|\.\.\//, 'values are not echoed');
    });
  }
});

describe('an authentic webhook is ignored with 200 and its reason', () => {
  const change = (columns: object) => JSON.stringify({ ...JSON.parse(body), ...columns });
  for (const [what, text, reason] of [
    ['for another table', change({ table: 'profiles' }), 'other_table'],
    ['for another schema', change({ schema: 'private' }), 'other_table'],
    ['for an event that we do not know', change({ type: 'TRUNCATE' }), 'unknown_event_type'],
  ] as const) {
    test(what, async () => {
      const answer = await post(text, sign(text));
      assert.deepEqual([answer.status, answer.body], [200, { action: 'ignored', reason }]);
      assert.deepEqual(answer.enqueued, []);
    });
  }
});

describe('a webhook of more than 256 KB', () => {
  const text = (bytes: number) => body.padEnd(bytes, ' ');
  test('is refused with 413, before its signature is looked at', async () => {
    for (const huge of [text(256 * 1024 + 1), Buffer.from(text(256 * 1024 + 1)), text(6_000_000)]) {
      const answer = await post(huge, {});
      assert.deepEqual([answer.status, answer.secrets], [413, 0]);
    }
    assert.equal((await post('é'.repeat(140_000), {})).status, 413, 'bytes count, not letters');
  });

  test('is let in with a byte less', async () => {
    const largest = text(256 * 1024);
    assert.equal((await post(largest, sign(largest))).status, 200);
  });
});
