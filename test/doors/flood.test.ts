import assert from 'node:assert/strict';
import { type TestContext, test } from 'vitest';
import { forEachBounded } from '../../lambdas/archive/for-each-bounded.ts';
import { signed, webhookBody } from '../lambdas/enqueue/post.ts';
import { insertTrack } from '../lambdas/tracks.ts';
import { startWorld } from '../lambdas/world.ts';
import { createClient, type Request } from './requests.ts';
import { type StartedBundle, startBundle } from './start.ts';

/** Processes at once, and requests under way: each process reads the secret for itself. */
const processes = 2;
const flood = 3000;

async function start(t: TestContext, name: 'enqueue' | 'archive-tracks') {
  const world = await startWorld(t);
  const started = await startBundle(t, world, name, { maxConcurrency: processes });
  const client = createClient(started.url);
  t.onTestFinished(client.close);
  return { world, started, client };
}

const post = (headers: Record<string, string>, body: string): Request => ({
  method: 'POST',
  path: '/',
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(body),
});

/** Highest memory of a process in megabytes, as Lambda reports it after each of its invocations. */
const memory = ({ lines }: StartedBundle): number[] =>
  lines
    .filter((line) => line.startsWith('{"type":"platform.report"'))
    .map((line) => JSON.parse(line).record.metrics.maxMemoryUsedMB);

function strangersWebhook(index: number): Request {
  const body = webhookBody(crypto.randomUUID());
  const stranger = 'whsec_c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5n';
  const anHourAgo = new Date(Date.now() - 3_700_000);
  const kinds: (() => Request)[] = [
    () => post({}, body),
    () => post(signed(body, { secret: stranger }), body),
    () => post(signed(body, { at: anHourAgo }), body),
    () => post({ 'x-webhook-secret': stranger }, body),
    () => post({ 'webhook-signature': 'v1,a '.repeat(1000) }, body),
    () => post({}, '['.repeat(1000)),
  ];
  // Every fiftieth is too large, signed or not.
  if (index % 50 === 0) {
    const huge = body.padEnd(300_000);
    return post(index % 100 === 0 ? {} : signed(huge, { secret: stranger }), huge);
  }
  const kind = kinds[index % kinds.length];
  return kind === undefined ? post({}, body) : kind();
}

test('a flood of webhooks that are not ours asks nobody but for the secret, once a process, and takes no memory', async (t) => {
  const { world, started, client } = await start(t, 'enqueue');
  const statuses: Record<number, number> = {};
  const indices = Array.from({ length: flood }, (_, index) => index);
  await forEachBounded(indices, processes, async (index) => {
    const { status } = await client.send(strangersWebhook(index));
    statuses[status] = (statuses[status] ?? 0) + 1;
  });
  assert.deepEqual(statuses, { 401: flood * 0.98, 413: flood * 0.02 });
  assert.deepEqual(world.supabase.passed, []);
  assert.ok(started.aws.passed.length <= processes, `${started.aws.passed.length} calls of AWS`);
  assert.deepEqual(started.crashes(), []);

  const used = memory(started);
  const early = Math.max(...used.slice(0, flood / 3));
  const late = Math.max(...used);
  await t.annotate(`${early} MB after a third, ${late} MB at the end`);
  assert.ok(late - early < 32, `${early} MB, later ${late} MB`);
});

test('in the middle of a flood a webhook of ours is answered', async (t) => {
  const { world, started, client } = await start(t, 'enqueue');
  const track = await insertTrack(world, { audio_url: 'https://cdn.provider.example/a.mp3' });
  const body = webhookBody(track.id);
  const requests = Array.from({ length: 600 }, (_, index) => strangersWebhook(index));
  requests.splice(300, 0, post(signed(body), body));
  const answers: string[] = [];
  await forEachBounded(requests, processes, async (request) => {
    const { status, text } = await client.send(request);
    if (status === 200) answers.push(JSON.parse(text).action);
  });
  assert.deepEqual(answers, ['scheduled']);
  assert.deepEqual(world.supabase.passed.toSorted(), [
    'POST /rest/v1/rpc/confirm_track_schedule',
    'POST /rest/v1/rpc/plan_track_archiving',
  ]);
  // The secret once a process, and the schedule.
  assert.ok(started.aws.passed.length <= processes + 2, started.aws.passed.join('\n'));
});

test('a body that is too large is refused before its signature is looked at, ours or not', async (t) => {
  const { world, started, client } = await start(t, 'enqueue');
  const huge = webhookBody(crypto.randomUUID()).padEnd(300_000);
  for (const type of ['application/json', 'application/octet-stream']) {
    const request = post({ ...signed(huge), 'content-type': type }, huge);
    assert.equal((await client.send(request)).status, 413);
  }
  assert.deepEqual([...started.aws.passed, ...world.supabase.passed], []);
});

test('the secret is read again when what was read is five minutes old, and not before', async (t) => {
  const { world, started, client } = await start(t, 'enqueue');
  const request = strangersWebhook(1);
  const reads = async () => {
    await client.send(request);
    return started.aws.passed.length;
  };
  assert.equal(await reads(), 1);
  await world.clock.advanceTo(world.clock.now() + 299_000);
  assert.equal(await reads(), 1);
  await world.clock.advanceTo(world.clock.now() + 2000);
  assert.equal(await reads(), 2);
  assert.deepEqual(world.supabase.passed, []);
});

test('archive-tracks without a key asks nobody, and with a wrong one only for the secret, once a process', async (t) => {
  const { world, started, client } = await start(t, 'archive-tracks');
  const ask = async (headers: Record<string, string>) => {
    const requests = Array.from({ length: 500 }, () => post(headers, '{"limit":200}'));
    await forEachBounded(requests, processes, async (request) => {
      assert.equal((await client.send(request)).status, 401);
    });
  };
  await ask({});
  assert.deepEqual(started.aws.passed, []);
  await ask({ authorization: `Bearer ${world.gateway.keys.anon}` });
  assert.ok(started.aws.passed.length <= processes);
  assert.deepEqual(world.supabase.passed, []);
  assert.deepEqual(started.crashes(), []);
});
