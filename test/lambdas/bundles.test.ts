import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import { type TestContext, test } from 'vitest';
import { batchSize, timings } from '../../core/timings.ts';
import { type LambdaFunction, startFunction } from '../../local/aws/lambda.ts';
import { bundles } from '../support/bundles.ts';
import { receive } from './archive/deliver.ts';
import { functionUrlEvent, signed, webhookBody } from './enqueue/post.ts';
import { files, insertTrack, insertWholeTrack, readTrack, serve } from './tracks.ts';
import { startWorld, type World, webhookSecrets } from './world.ts';

/** A Lambda's bundle in processes of its own, as in production, and the lines that it logs. */
async function start(
  t: TestContext,
  name: 'enqueue' | 'archive',
  world: World,
  environment: Record<string, string> = {},
): Promise<{ fn: LambdaFunction; lines: string[] }> {
  const lines: string[] = [];
  const fn = startFunction({
    name: `track-archiver-${name}`,
    bundle: bundles[name] ?? '',
    environment: {
      ...world.environment,
      NODE_EXTRA_CA_CERTS: world.provider.certificate,
      POWERTOOLS_LOG_LEVEL: 'DEBUG',
      ...environment,
    },
    memoryMegabytes: 512,
    timeoutSeconds: name === 'archive' ? timings.archiveTimeout : timings.enqueueTimeout,
    maxConcurrency: batchSize,
    clock: world.clock,
    onLog: (line) => lines.push(line),
  });
  t.onTestFinished(() => fn.stop());
  return { fn, lines };
}

/** Lines that are our own JSON, without the platform's reports. */
const parsed = (lines: string[]): Record<string, unknown>[] =>
  lines.flatMap((line) => {
    try {
      const value = JSON.parse(line);
      return typeof value === 'object' && value !== null && value.type === undefined ? [value] : [];
    } catch {
      return [];
    }
  });
const metricsOf = (lines: string[]) => parsed(lines).filter((line) => '_aws' in line);

/** What must never be logged: keys, webhook secrets, signatures, the query of a signed address. */
function assertNoSecrets(lines: string[], world: World, more: string[] = []): void {
  const secrets = [world.gateway.keys.secret, ...webhookSecrets, 'very-secret', ...more];
  for (const secret of secrets) {
    assert.ok(!lines.some((line) => line.includes(secret)), `a line holds ${secret.slice(0, 12)}…`);
  }
}

test('every bundle stays below a megabyte and a half', async () => {
  for (const file of Object.values(bundles)) {
    const { size } = await stat(file);
    assert.ok(size < 1_500_000, `${file} has ${size} bytes`);
  }
});

test('the archive bundle archives, and its lines name message, track, asset and request', async (t) => {
  const world = await startWorld(t);
  const { fn, lines } = await start(t, 'archive', world);
  const track = await insertWholeTrack(world, { cover: { kind: 'status', status: 441 } });
  const failing = await insertTrack(world, {
    audio_url: serve(world, files.audio, { kind: 'flaky', failures: 9, by: 'reset' }),
  });
  const refused = await insertTrack(world, { audio_url: 'https://elsewhere.example/?very-secret' });
  for (const { id } of [track, failing, refused]) {
    const MessageBody = JSON.stringify({ v: 1, trackId: id, reason: 'manual' });
    await world.sqs.send(new SendMessageCommand({ QueueUrl: world.queueUrl, MessageBody }));
  }
  const answer = (await fn.invoke(await receive(world))) as SQSBatchResponse;
  assert.equal(answer.batchItemFailures.length, 1);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);

  const stored = parsed(lines).filter((line) => line.message === 'Asset stored');
  assert.deepEqual(stored.map(({ asset }) => asset).sort(), ['audio', 'video']);
  for (const line of stored) {
    assert.equal(line.trackId, track.id);
    assert.equal(line.origin, 'manual');
    assert.equal(typeof line.messageId, 'string');
    assert.equal(typeof line.function_request_id, 'string');
    assert.match(String(line.sha256), /^[0-9a-f]{64}$/);
  }
  const codes = parsed(lines).filter((line) => line.message === 'Asset failed');
  assert.deepEqual(
    new Map(codes.map((line) => [line.trackId, line.code])),
    new Map([
      [failing.id, 'provider_reset'],
      [refused.id, 'host_not_allowed'],
    ]),
  );
  assertNoSecrets(lines, world);
});

test('the archive bundle writes its metrics, once an invocation', async (t) => {
  const world = await startWorld(t);
  const { fn, lines } = await start(t, 'archive', world);
  const track = await insertWholeTrack(world);
  const MessageBody = JSON.stringify({ v: 1, trackId: track.id, reason: 'manual' });
  await world.sqs.send(new SendMessageCommand({ QueueUrl: world.queueUrl, MessageBody }));
  await fn.invoke(await receive(world));
  const [metrics, ...others] = metricsOf(lines);
  assert.deepEqual(others, []);
  const count = (name: string) =>
    [metrics?.[name]].flat().reduce((a, b) => Number(a) + Number(b), 0);
  assert.equal(count('TracksArchived'), 1);
  assert.equal(count('AssetsStored'), 3);
  const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  assert.equal(count('BytesArchived'), bytes);
  assert.ok(Number(count('ArchiveDuration')) > 0);
  assert.match(JSON.stringify(metrics?._aws), /"Namespace":"TrackArchiver"/);
});

test('the enqueue bundle responds, and warm in well under 100 ms', async (t) => {
  const world = await startWorld(t);
  const { fn, lines } = await start(t, 'enqueue', world);
  const track = await insertTrack(world, { audio_url: 'https://cdn.provider.example/a.mp3' });
  const body = webhookBody(track.id);
  const headers = signed(body);
  const times = [];
  for (let call = 0; call < 15; call++) {
    const began = performance.now();
    const answer = (await fn.invoke(functionUrlEvent(body, headers))) as { body: string };
    times.push(performance.now() - began);
    assert.equal(JSON.parse(answer.body).action, 'scheduled');
  }
  const warm = times.slice(1).sort((a, b) => a - b);
  await t.annotate(`cold ${times[0]?.toFixed()} ms, warm median ${warm[7]?.toFixed(1)} ms`);
  assertNoSecrets(lines, world, [headers['webhook-signature'] ?? '']);
});

test('the enqueue bundle answers 500 without a stack, and logs what it was', async (t) => {
  const world = await startWorld(t);
  const { fn, lines } = await start(t, 'enqueue', world);
  world.supabase.intercept = (_, response) => {
    response.writeHead(503).end('{"code":"PGRST002","message":"no connection"}');
    return true;
  };
  const body = webhookBody(crypto.randomUUID());
  const answer = await fn.invoke(functionUrlEvent(body, signed(body)));
  const { statusCode, body: text } = answer as { statusCode: number; body: string };
  assert.equal(statusCode, 500);
  assert.doesNotMatch(text, /at |\.ts|\.mjs|PGRST/);
  const [failed] = parsed(lines).filter((line) => line.message === 'Webhook failed');
  assert.match(JSON.stringify(failed?.error), /PGRST002 no connection/);
  const refused = await fn.invoke(functionUrlEvent(body, {}));
  assert.equal((refused as { statusCode: number }).statusCode, 401);
  assertNoSecrets(lines, world);
});

test('a bundle with a wrong environment says everything that is wrong with it, and no value', async (t) => {
  const world = await startWorld(t);
  const environment = {
    ARCHIVE_QUEUE_URL: 'very-secret',
    DEAD_LETTER_QUEUE_URL: '',
    SECRET_ID: '',
  };
  const { fn, lines } = await start(t, 'archive', world, environment);
  await assert.rejects(fn.invoke({ Records: [] }));
  const text = lines.join('\n');
  for (const name of Object.keys(environment)) assert.match(text, new RegExp(name));
  assertNoSecrets(lines, world);
});
