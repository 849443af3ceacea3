import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'vitest';
import { startInterceptingProxy } from '../../local/intercepting-proxy.ts';
import { until } from '../support/until.ts';

/** A proxy before a server that keeps what it gets and answers `done`. */
async function setUp(t: TestContext) {
  const received: { bytes: number; whole: boolean }[] = [];
  const server = createServer((request, response) => {
    const entry = { bytes: 0, whole: false };
    received.push(entry);
    request.on('data', (chunk: Buffer) => {
      entry.bytes += chunk.length;
    });
    request.on('error', () => {});
    request.on('end', () => {
      entry.whole = true;
      response.end('done');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startInterceptingProxy(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  t.onTestFinished(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });
  const post = async (bytes: number) => {
    const body = Buffer.alloc(bytes);
    return await (await fetch(`${proxy.url}/a`, { method: 'POST', body })).text();
  };
  return { proxy, received, post };
}

test('what is not intercepted passes, and what is answered does not', async (t) => {
  const { proxy, received, post } = await setUp(t);
  assert.equal(await post(100_000), 'done');
  proxy.intercept = (_, response) => {
    response.writeHead(503).end('no');
    return true;
  };
  assert.equal(await post(1), 'no');
  assert.deepEqual(received, [{ bytes: 100_000, whole: true }]);
  assert.deepEqual(proxy.passed, ['POST /a']);
});

test('an answer can be lost of a request that arrived as a whole', async (t) => {
  const { proxy, received, post } = await setUp(t);
  proxy.intercept = () => ({ lose: 'answer' });
  await assert.rejects(post(1000));
  assert.deepEqual(received, [{ bytes: 1000, whole: true }]);
});

test('a body can be cut off in the middle, and just before its end', async (t) => {
  const { proxy, received, post } = await setUp(t);
  for (const bytes of [1000, 499_999]) {
    proxy.intercept = () => ({ lose: bytes });
    await assert.rejects(post(500_000));
  }
  await until(() => received.length === 2);
  assert.ok(received.every(({ whole }) => !whole));
});
