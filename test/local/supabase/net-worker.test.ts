import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'vitest';
import { startNetWorker } from '../../../local/supabase/net-worker.ts';
import { testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A worker on a database of its own, and a real server that keeps what it gets and answers by `answer`. */
async function setUp(t: TestContext, answer: RequestListener) {
  const db = await testDatabase(t, { migrated: false });
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    const { method, url, headers } = request;
    received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const worker = await startNetWorker({ databaseUrl: db.url });
  t.onTestFinished(async () => {
    await worker.stop();
    server.closeAllConnections();
    server.close();
  });
  const response = (id: string) =>
    until(async () => (await db.query('select * from net._http_response where id = $1', [id]))[0], {
      what: 'a response row',
    });
  return { db, received, server, url, response };
}

const ok: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"fine":true}');
};

describe('The net worker', () => {
  test("posts the body as jsonb's own text, once, and keeps the answer", async (t) => {
    const { db, received, url, response } = await setUp(t, ok);
    const [{ id, text }] = await db.query(
      `select net.http_post($1, $2::jsonb, headers := '{"X-Mine":"1"}') as id, $2::jsonb::text as text`,
      [`${url}/hook`, '{"b":1,"a":{"ж":[1,2]}}'],
    );
    const row = await response(id);
    assert.deepEqual([row.status_code, row.content, row.timed_out], [200, '{"fine":true}', false]);
    assert.equal(received.length, 1);
    const [sent] = received;
    assert.equal(sent?.body, text);
    assert.equal(sent?.headers['content-type'], 'application/json');
    assert.equal(sent?.headers['x-mine'], '1');
    assert.match(sent?.headers['user-agent'] ?? '', /^pg_net\//);
    assert.deepEqual(await db.query('select from net.http_request_queue'), []);
  });

  test('appends parameters to the address', async (t) => {
    const { db, received, url, response } = await setUp(t, ok);
    const [{ id }] = await db.query(`select net.http_get($1, '{"a":"x y&ж","b":"1"}') as id`, [
      url,
    ]);
    await response(id);
    assert.equal(received[0]?.method, 'GET');
    assert.equal(received[0]?.url, '/?a=x%20y%26%D0%B6&b=1');
  });

  test('does not try again after a 500', async (t) => {
    const { db, received, url, response } = await setUp(t, (_request, answer) => {
      answer.writeHead(500).end('broken');
    });
    const [{ id }] = await db.query('select net.http_post($1) as id', [url]);
    assert.equal((await response(id)).status_code, 500);
    const [next] = await db.query('select net.http_post($1) as id', [`${url}/next`]);
    await response(next.id);
    assert.deepEqual(
      received.map((each) => each.url),
      ['/', '/next'],
    );
  });

  test('records a refused connection', async (t) => {
    const { db, server, url, response } = await setUp(t, ok);
    server.close();
    const [{ id }] = await db.query('select net.http_post($1) as id', [url]);
    const row = await response(id);
    assert.equal(row.status_code, null);
    assert.match(row.error_msg, /ECONNREFUSED/);
  });

  test('gives up when the time set for the request has passed', async (t) => {
    const { db, url, response } = await setUp(t, () => {});
    const [{ id }] = await db.query('select net.http_post($1, timeout_milliseconds := 50) as id', [
      url,
    ]);
    const row = await response(id);
    assert.deepEqual([row.status_code, row.timed_out], [null, true]);
    assert.match(row.error_msg, /Timeout of 50 ms/);
  });

  test('sends nothing of a transaction that is rolled back', async (t) => {
    const { db, received, url, response } = await setUp(t, ok);
    const client = await db.pool.connect();
    await client.query('begin');
    await client.query('select net.http_post($1)', [`${url}/undone`]);
    await client.query('rollback');
    client.release();
    const [{ id }] = await db.query('select net.http_post($1) as id', [`${url}/done`]);
    await response(id);
    assert.deepEqual(
      received.map((each) => each.url),
      ['/done'],
    );
  });

  test('sends what was queued while no worker ran', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    const server = createServer(ok).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await db.query('select net.http_post($1) from generate_series(1, 250)', [url]);
    const worker = await startNetWorker({ databaseUrl: db.url });
    t.onTestFinished(() => worker.stop());
    const answered = 'select from net._http_response where status_code = 200';
    await until(async () => (await db.query(answered)).length === 250);
  });
});
