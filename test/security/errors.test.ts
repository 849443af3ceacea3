import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, type TestContext, test } from 'vitest';
import { archiveMessage } from '../../core/message.ts';
import { makeCertificate } from '../../local/provider/certificate.ts';
import { deadLetters, receive } from '../lambdas/archive/deliver.ts';
import { functionUrlEvent, signed, webhookBody } from '../lambdas/enqueue/post.ts';
import { files, insertTrack, insertWholeTrack, readJobs, serve } from '../lambdas/tracks.ts';
import { providerHost, startWorld, type World, webhookSecrets } from '../lambdas/world.ts';
import { leaksIn } from '../support/leaks.ts';
import type { Intercept } from '../support/proxy.ts';
import { type StartedBundle, startBundle } from './start.ts';

/** Everything that somebody may read afterwards: log, job rows, notifications, dead letters, responses. */
async function assertNoSecrets(world: World, { lines }: StartedBundle, responses: unknown[] = []) {
  const rows = [
    ...(await world.database.query(
      'select error_code, error_message, metadata from public.track_archiving_jobs',
    )),
    ...(await world.database.query('select * from public.notifications')),
  ];
  const texts = [
    ...lines,
    ...[...rows, ...deadLetters(world), ...responses].map((each) => JSON.stringify(each)),
  ];
  const values = [...Object.values(world.gateway.keys), ...webhookSecrets];
  assert.deepEqual(
    texts.flatMap((text) => leaksIn(text, [...values, 'private prompt'])),
    [],
  );
}

const responding =
  (status: number, body: unknown): Intercept =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
    return true;
  };

async function archive(world: World, { fn }: StartedBundle, trackId: string) {
  const MessageBody = archiveMessage(trackId, 'manual');
  await world.sqs.send(new SendMessageCommand({ QueueUrl: world.queueUrl, MessageBody }));
  await fn.invoke(await receive(world, 5));
}

async function enqueue({ fn }: StartedBundle) {
  const body = webhookBody(crypto.randomUUID());
  return await fn.invoke(functionUrlEvent(body, signed(body)));
}

/** A provider that responds with whatever bytes, made from the path that it was asked for. */
async function echoServer(t: TestContext, respond: (path: string) => string) {
  const { authority, certificate, key } = await makeCertificate([providerHost]);
  const server = createServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => socket.end(respond(data.toString().split(' ')[1] ?? '')));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-echo-'));
  t.onTestFinished(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  const ca = join(directory, 'authority.pem');
  await writeFile(ca, authority);
  const { port } = server.address() as AddressInfo;
  return { ca, overrides: JSON.stringify({ [providerHost]: `127.0.0.1:${port}` }) };
}

describe('an error that quotes a secret does not bring it into log, job row, dead letter or response', () => {
  const failingRow = {
    code: '23514',
    message: 'new row for relation "tracks" violates check constraint "x"',
    details: `Failing row contains (1, a private prompt, https://${providerHost}/a.mp3?signature=very-secret, sb_secret_0123456789).`,
    hint: 'https://user:password@example.com/?token=abc',
  };

  test('from Postgres, which shows the failing row', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'enqueue');
    world.supabase.intercept = responding(400, failingRow);
    const answer = await enqueue(started);
    assert.match(started.lines.join('\n'), /violates check constraint/);
    await assertNoSecrets(world, started, [answer]);
  });

  for (const step of ['claim', 'store_track_asset', 'complete', 'fail']) {
    test(`from Postgres while a track is archived, at ${step}`, async (t) => {
      const world = await startWorld(t);
      const started = await startBundle(t, world, 'archive');
      const track = await insertWholeTrack(
        world,
        step === 'fail' ? { audio: { kind: 'status', status: 404 } } : {},
      );
      world.supabase.intercept = (request, response) =>
        request.url?.includes(step) === true && responding(400, failingRow)(request, response);
      await archive(world, started, track.id);
      assert.match(started.lines.join('\n'), /violates check constraint/);
      await assertNoSecrets(world, started);
    });
  }

  test('from fetch, which shows a header that it cannot send', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'enqueue');
    const broken = 'a-key-of-no-known-form\nand-a-line-end';
    const secret = { supabaseUrl: world.supabase.url, supabaseKey: broken, webhookSecrets };
    started.aws.intercept = responding(200, { SecretString: JSON.stringify(secret) });
    const answer = await enqueue(started);
    assert.match(started.lines.join(), /supabaseKey: must be one word/);
    assert.doesNotMatch(started.lines.join(), /known-form|line-end/);
    await assertNoSecrets(world, started, [answer]);
  });

  test('from JSON.parse, which shows what it cannot read', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'enqueue');
    for (const text of [
      `{"SecretString":"${webhookSecrets[0]}"x}`,
      `{"SecretString":${webhookSecrets[0]}}`,
      JSON.stringify({ SecretString: `{"webhookSecrets": ${webhookSecrets[0]}}` }),
      `${webhookSecrets[0]}`,
    ]) {
      started.aws.intercept = responding(200, text);
      const answer = await enqueue(started);
      assert.equal((answer as { statusCode: number }).statusCode, 500);
      await assertNoSecrets(world, started, [answer]);
      // Ten characters of it would be enough to guess the rest.
      assert.ok(
        !started.lines.some((line) => line.includes(webhookSecrets[0]?.slice(6, 12) ?? '')),
      );
    }
  });

  test('from AWS, which shows what should have been signed', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'enqueue');
    started.aws.intercept = responding(403, {
      __type: 'InvalidSignatureException',
      message: `The Canonical String for this request should have been\n'POST\n/\nx-amz-security-token:IQoJb3JpZ2luX2VjEXAMPLETOKEN\n' AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE`,
    });
    const answer = await enqueue(started);
    assert.match(started.lines.join('\n'), /InvalidSignatureException/);
    assert.doesNotMatch(started.lines.join('\n'), /EXAMPLETOKEN/);
    await assertNoSecrets(world, started, [answer]);
  });

  test('from Storage, which shows the key that it refuses', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'archive');
    const track = await insertWholeTrack(world);
    const { secret, serviceRole } = world.gateway.keys;
    world.supabase.intercept = (request, response) =>
      request.url?.startsWith('/storage') === true &&
      responding(400, {
        statusCode: '403',
        error: 'Unauthorized',
        message: `invalid key ${secret}, expected Bearer ${serviceRole}`,
      })(request, response);
    await archive(world, started, track.id);
    assert.match(started.lines.join('\n'), /storage_unauthorized/);
    await assertNoSecrets(world, started);
  });

  test('from a provider that leads to addresses with credentials, or nowhere', async (t) => {
    const world = await startWorld(t);
    const started = await startBundle(t, world, 'archive');
    for (const to of [
      `https://user:password@${providerHost}/x?signature=very-secret`,
      'https://elsewhere.example/x?signature=very-secret',
      `http://${providerHost}/x?signature=very-secret#token=1`,
      'https://127.0.0.1/?signature=very-secret',
      'https://%00/?signature=very-secret',
    ]) {
      const url = serve(world, files.audio, { kind: 'redirect', to });
      await archive(world, started, (await insertTrack(world, { audio_url: url })).id);
    }
    for (const url of [
      'https://user:password@x.example/?signature=very-secret',
      '?signature=very-secret',
    ]) {
      await archive(world, started, (await insertTrack(world, { audio_url: url })).id);
    }
    assert.equal(deadLetters(world).length, 6, 'what leads to nowhere is asked again');
    await assertNoSecrets(world, started);
  });

  for (const [what, echo] of [
    ['in what is no HTTP', (path: string) => `HTTP/1.1 200 OK\r\nbroken header ${path}\r\n\r\n`],
    ['in what is nothing at all', (path: string) => `GET ${path} is not for you`],
    [
      'in a content encoding',
      (path: string) => `HTTP/1.1 200 OK\r\ncontent-encoding: ${path}\r\n\r\nx`,
    ],
    ['in a status line', (path: string) => `HTTP/1.1 404 no ${path}\r\ncontent-length: 0\r\n\r\n`],
    [
      'in too many headers',
      (path: string) => `HTTP/1.1 200 OK\r\n${`x: ${path}\r\n`.repeat(999)}\r\n`,
    ],
  ] as [string, (path: string) => string][]) {
    test(`from a provider that repeats the signed address ${what}`, async (t) => {
      const world = await startWorld(t);
      const { overrides, ca } = await echoServer(t, echo);
      const started = await startBundle(t, world, 'archive', {
        environment: { PROVIDER_ADDRESS_OVERRIDES: overrides, NODE_EXTRA_CA_CERTS: ca },
      });
      const audio_url = `https://${providerHost}/song.mp3?signature=very-secret`;
      const track = await insertTrack(world, { audio_url });
      await archive(world, started, track.id);
      const [job] = await readJobs(world, track.id);
      assert.match(job.error_code, /^(provider|content|media)_/);
      await assertNoSecrets(world, started);
    });
  }
});
