import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'vitest';
import { createDatabaseClient } from '../../../adapters/supabase/client.ts';
import { createTracks } from '../../../adapters/supabase/tracks.ts';
import { ArchiveFailure } from '../../../core/failure.ts';

const id = '0b0f8a1e-5f0c-4f57-8a8e-1c2d3e4f5a6b';

/** The database's verbs before a server that answers as it is told. */
async function against(t: TestContext, answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const access = { supabaseUrl: `http://127.0.0.1:${port}/`, supabaseKey: 'sb_secret_x' };
  return createTracks(createDatabaseClient(access));
}

/** A server that answers every call with this. */
const answering = (status: number, body: string): RequestListener => {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
};

test('the key goes as apikey and as Bearer, identical, which both kinds of key need', async (t) => {
  const seen: unknown[] = [];
  const tracks = await against(t, ({ headers, url }, response) => {
    seen.push(url, headers.apikey, headers.authorization);
    response.writeHead(200, { 'content-type': 'application/json' }).end('[{"outcome":"busy"}]');
  });
  assert.deepEqual(await tracks.claim(id, 60, 'worker'), { outcome: 'busy' });
  assert.deepEqual(seen, [
    '/rest/v1/rpc/claim_track_archiving',
    'sb_secret_x',
    'Bearer sb_secret_x',
  ]);
});

test('an error of the database is unavailable, with its code and its words', async (t) => {
  const body = JSON.stringify({ code: '42501', message: 'permission denied', details: null });
  const tracks = await against(t, answering(403, body));
  await assert.rejects(tracks.plan(id), (error) => {
    assert.ok(error instanceof ArchiveFailure);
    assert.equal(error.code, 'database_unavailable');
    assert.match(error.message, /plan_track_archiving: 42501 permission denied/);
    assert.notEqual(error.cause, undefined);
    return true;
  });
});

for (const [what, status, body] of [
  ['a gateway’s page', 502, '<html>Bad gateway</html>'],
  ['an answer that is no JSON', 200, '<html>'],
  ['no row', 200, '[]'],
  ['two rows', 200, '[{"outcome":"busy"},{"outcome":"busy"}]'],
  ['an outcome that we do not know', 200, '[{"outcome":"maybe"}]'],
  ['a claim without its columns', 200, '[{"outcome":"claimed"}]'],
] as const) {
  test(`${what} is unavailable, and never taken for an answer`, async (t) => {
    const tracks = await against(t, answering(status, body));
    await assert.rejects(tracks.claim(id, 60, 'worker'), { code: 'database_unavailable' });
  });
}

test('a connection that breaks, and one that nobody takes, is unavailable', async (t) => {
  const tracks = await against(t, ({ socket }) => void socket.destroy());
  await assert.rejects(tracks.claim(id, 60, 'worker'), { code: 'database_unavailable' });
  await assert.rejects(tracks.exists(id), { code: 'database_unavailable' });
  const access = { supabaseUrl: 'http://127.0.0.1:1', supabaseKey: 'x' };
  const nobody = createTracks(createDatabaseClient(access));
  await assert.rejects(nobody.claim(id, 60, 'worker'), {
    code: 'database_unavailable',
    message: /^claim_track_archiving: TypeError: fetch failed .*(ECONNREFUSED|bad port)/,
  });
});
