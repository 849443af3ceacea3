import assert from 'node:assert/strict';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { describe, type TestContext, test } from 'vitest';
import { startFunctionUrl } from '../../../local/aws/function-url.ts';
import { startTestFunction } from './functions.ts';

async function start(t: TestContext, maxConcurrency = 10) {
  const { fn } = startTestFunction(t, 'probe', { maxConcurrency });
  const { url, stop } = await startFunctionUrl(fn);
  t.onTestFinished(stop);
  return { fn, url };
}

describe('the function URL', () => {
  test('hands over a text request in payload format 2.0', async (t) => {
    const { url } = await start(t);
    const response = await fetch(`${url}some/path?a=1&a=2&b=%C3%BC`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Webhook-Id': 'X' },
      body: '{"ü":1}',
    });
    assert.equal(response.status, 200);
    const { event } = (await response.json()) as { event: APIGatewayProxyEventV2 };
    assert.equal(event.version, '2.0');
    assert.equal(event.rawPath, '/some/path');
    assert.equal(event.rawQueryString, 'a=1&a=2&b=%C3%BC');
    assert.equal(event.headers['webhook-id'], 'X');
    assert.equal(event.body, '{"ü":1}');
    assert.equal(event.isBase64Encoded, false);
    assert.equal(event.requestContext.http.method, 'POST');
  });

  test('hands over any other body as base64', async (t) => {
    const { url } = await start(t);
    for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type };
      const response = await fetch(url, { method: 'POST', headers, body: Uint8Array.of(0, 255) });
      const { event } = (await response.json()) as { event: Record<string, unknown> };
      assert.equal(event.body, 'AP8=');
      assert.equal(event.isBase64Encoded, true);
    }
  });

  test('answers with the status, headers and body of the function', async (t) => {
    const { url } = await start(t);
    const response = await fetch(`${url}created`);
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('x-answer'), 'yes');
    assert.equal(response.headers.get('content-type'), 'text/plain');
    assert.equal(await response.text(), 'ü');
  });

  test('answers 502 for a function error, 413 above 6 MB and 429 above the concurrency', async (t) => {
    const { url } = await start(t);
    const failed = await fetch(`${url}throw`);
    assert.equal(failed.status, 502);
    assert.equal(await failed.text(), 'Internal Server Error');
    const large = { method: 'POST', body: 'x'.repeat(6 * 1024 * 1024 + 1) };
    assert.equal((await fetch(url, large)).status, 413);
    const none = await start(t, 0);
    assert.equal((await fetch(none.url)).status, 429);
  });
});
