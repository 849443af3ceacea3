import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'vitest';
import { createSmallFetch } from '../../../adapters/supabase/fetch.ts';

const smallFetch = createSmallFetch();

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** What a request and its answer were, by one of the two. */
async function exchange(by: typeof fetch, url: string, init: RequestInit | undefined) {
  const response = await by(url, init);
  const { status, ok, headers } = response;
  return { status, ok, range: headers.get('content-range'), text: await response.text() };
}

const post = {
  method: 'POST',
  headers: { apikey: 'key', 'content-type': 'application/json' },
  body: '{"_track_id":"ä"}',
};

for (const [what, path, init] of [
  ['a call', '/200', post],
  ['a read', '/200?select=id&id=eq.1', undefined],
  ['a refusal', '/401', post],
  ['an answer without a body', '/204', post],
  ['a server error', '/503', post],
] as const) {
  test(`${what} is asked and answered as by Node's own fetch`, async (t) => {
    const seen: unknown[] = [];
    const url = await serve(t, async (request, response) => {
      const { method, url: target, headers } = request;
      const { apikey, 'content-type': type } = headers;
      seen.push({ method, target, apikey, type, body: await read(request) });
      response.writeHead(Number(target?.slice(1, 4)), { 'content-range': '0-1/*' });
      response.end(target?.startsWith('/204') ? undefined : '{"answer":"ü"}');
    });
    const theirs = await exchange(fetch, `${url}${path}`, init);
    assert.deepEqual(await exchange(smallFetch, `${url}${path}`, init), theirs);
    assert.deepEqual(seen[1], seen[0]);
  });
}

test('a call ends with its signal, before and after the headers', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/begun') response.writeHead(200).write('[');
  });
  for (const path of ['/silent', '/begun']) {
    const signal = AbortSignal.timeout(50);
    await assert.rejects(exchange(smallFetch, `${url}${path}`, { ...post, signal }), {
      name: 'TimeoutError',
    });
  }
});

test('a connection that is refused or breaks is an error', async (t) => {
  const url = await serve(t, (request) => void request.socket.destroy());
  await assert.rejects(exchange(smallFetch, url, post));
  await assert.rejects(exchange(smallFetch, 'http://127.0.0.1:1', post), { code: 'ECONNREFUSED' });
});
