import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest';
import type { Behaviour } from '../../../local/provider/behaviour.ts';
import { labelledMedia } from '../../../local/provider/media.ts';
import { demoHosts, type Provider, startProvider } from '../../../local/provider/server.ts';
import { type Client, clientOf } from './client.ts';

const url = `https://${demoHosts.suno}/song.mp3`;

describe('the demo provider', () => {
  let provider: Provider;
  let client: Client;
  let song: Buffer;

  beforeAll(async () => {
    provider = await startProvider();
    song = await labelledMedia('song.mp3', 'one');
  });
  beforeEach(() => {
    client = clientOf(provider);
  });
  afterAll(async () => {
    await provider.stop();
    await assert.rejects(access(provider.certificate), 'the certificate file is left behind');
  });

  async function get(behaviour?: Behaviour) {
    provider.serve(url, song, behaviour);
    return client.get(url);
  }
  const bytes = async (response: Awaited<ReturnType<typeof get>>) =>
    Buffer.from(await response.body.arrayBuffer());

  test('serves the file with its length to a client that trusts its authority', async () => {
    const response = await get();
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-length'], String(song.length));
    assert.deepEqual(await bytes(response), song);
  });

  test('decides anew at each request where behaviour and file are functions', async () => {
    const states: Behaviour[] = [{ kind: 'status', status: 503 }, { kind: 'ok' }];
    provider.serve(
      url,
      () => song,
      (count) => states[count - 1] ?? { kind: 'status', status: 410 },
    );
    assert.equal((await client.get(url)).statusCode, 503);
    assert.deepEqual(await bytes(await client.get(url)), song);
    assert.equal((await client.get(url)).statusCode, 410);
    assert.deepEqual(provider.served(url), song);
  });

  test('is not trusted by a client that does not know its authority', async () => {
    await assert.rejects(fetch(`https://${provider.address}/song.mp3`));
  });

  test('sends no length with a chunked body', async () => {
    const response = await get({ kind: 'chunked' });
    assert.equal(response.headers['content-length'], undefined);
    assert.deepEqual(await bytes(response), song);
  });

  test('fails the first requests with a status and Retry-After, then serves the file', async () => {
    const first = await get({ kind: 'flaky', failures: 1, by: 503, retryAfter: '2' });
    assert.equal(first.statusCode, 503);
    assert.equal(first.headers['retry-after'], '2');
    await first.body.dump();
    assert.deepEqual(await bytes(await client.get(url)), song);
  });

  test('fails the first requests by resetting the connection, then serves the file', async () => {
    await assert.rejects(get({ kind: 'flaky', failures: 1, by: 'reset' }), { code: 'ECONNRESET' });
    assert.deepEqual(await bytes(await client.get(url)), song);
  });

  test('trickles a slow body in many pieces', async () => {
    const response = await get({ kind: 'slow', bytesPerSecond: song.length * 2 });
    const pieces = [];
    for await (const piece of response.body) pieces.push(piece);
    assert.ok(pieces.length >= 3, `${pieces.length} pieces`);
    assert.deepEqual(Buffer.concat(pieces), song);
  });

  test('answers a status with a page', async () => {
    const response = await get({ kind: 'status', status: 441 });
    assert.equal(response.statusCode, 441);
    assert.match(await response.body.text(), /expired/);
  });

  test('answers 200 with HTML, with random bytes, and with nothing', async () => {
    const html = await get({ kind: 'html' });
    assert.equal(html.statusCode, 200);
    assert.match(await html.body.text(), /^<!doctype html>/);
    assert.equal((await bytes(await get({ kind: 'random', bytes: 5000 }))).length, 5000);
    assert.equal((await bytes(await get({ kind: 'empty' }))).length, 0);
  });

  test('breaks a truncated body off below its announced length', async () => {
    const response = await get({ kind: 'truncated', after: 100 });
    assert.equal(response.headers['content-length'], String(song.length));
    await assert.rejects(bytes(response));
  });

  test('breaks a body off by a reset, and by bytes that are no TLS', async () => {
    for (const by of ['reset', 'garbage'] as const) {
      const response = await get({ kind: 'truncated', after: 100, by });
      assert.equal(response.headers['content-length'], String(song.length));
      const code = by === 'reset' ? 'ECONNRESET' : /^(UND_ERR_SOCKET|ERR_SSL_)/;
      await assert.rejects(bytes(response), (error: NodeJS.ErrnoException) => {
        assert.match(String(error.code), new RegExp(code));
        return true;
      });
    }
  });

  test('sends more than it announced, or whatever bytes it is told to', async () => {
    const read = async (behaviour: Behaviour) => {
      provider.serve(url, song, behaviour);
      const [host = '', port = ''] = provider.address.split(':');
      const socket = connect({ host, port: Number(port), ca: provider.authority, servername });
      socket.write(`GET /song.mp3 HTTP/1.1\r\nhost: ${servername}\r\n\r\n`);
      let text = '';
      for await (const chunk of socket) {
        text += chunk.toString('latin1');
        if (text.endsWith('more!')) break;
      }
      return text;
    };
    const servername = demoHosts.suno;
    const [head = '', ...body] = (await read({ kind: 'overlong', more: 'more!' })).split(
      '\r\n\r\n',
    );
    assert.match(head, new RegExp(`content-length: ${song.length}`));
    assert.equal(body.join('\r\n\r\n').length, song.length + 5);
    assert.equal(await read({ kind: 'raw', bytes: 'SSH-2.0' }), 'SSH-2.0');
  });

  test('answers with given headers and bytes', async () => {
    const headers = { 'content-encoding': 'zstd' };
    const response = await get({ kind: 'answer', status: 203, headers, body: '{}' });
    assert.equal(response.statusCode, 203);
    assert.equal(response.headers['content-encoding'], 'zstd');
    assert.equal(await response.body.text(), '{}');
  });

  test('leaves a stalled body unfinished, and a stalled response without headers', async () => {
    const response = await get({ kind: 'stalled', after: 100 });
    let received = 0;
    for await (const piece of response.body) {
      received += piece.length;
      if (received === 100) break;
    }
    assert.equal(received, 100);
    provider.serve(url, song, { kind: 'stalled' });
    const signal = AbortSignal.timeout(200);
    await assert.rejects(client.get(url, { signal }), { name: 'TimeoutError' });
  });

  test('redirects', async () => {
    const response = await get({ kind: 'redirect', to: 'https://elsewhere.example/' });
    assert.equal(response.statusCode, 302);
    assert.equal(response.headers.location, 'https://elsewhere.example/');
    await response.body.dump();
  });

  test('pours an endless body past the end of the file', async () => {
    const response = await get({ kind: 'endless' });
    let received = 0;
    for await (const piece of response.body) {
      received += piece.length;
      if (received > song.length + 1_000_000) break;
    }
    assert.ok(received > song.length + 1_000_000);
  });

  test('records every request', async () => {
    const from = provider.requests.length;
    await (await get({ kind: 'status', status: 404 })).body.dump();
    await (await client.get(`https://${demoHosts.mureka}/unknown`)).body.dump();
    await client.close();
    const seen = provider.requests.slice(from);
    assert.deepEqual(
      seen.map(({ url, userAgent }) => ({ url, userAgent })),
      [
        { url, userAgent: undefined },
        { url: `https://${demoHosts.mureka}/unknown`, userAgent: undefined },
      ],
    );
  });

  test('remembers what it served after deleting everything', async () => {
    await (await get()).body.dump();
    assert.equal(await provider.statusOf(url), 200);
    provider.deleteEverything();
    assert.equal(await provider.statusOf(url), 410);
    const response = await client.get(url);
    assert.equal(response.statusCode, 410);
    await response.body.dump();
    assert.deepEqual(provider.served(url), song);
  });
});
