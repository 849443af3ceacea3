import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'vitest';
import { createStorage } from '../../adapters/supabase/storage.ts';
import { storageResponse, throwUnlessDone } from '../../adapters/supabase/storage-response.ts';

describe('situation 9: Storage refuses a key that it cannot read with 400', () => {
  const answers = (status: number, body: unknown) =>
    storageResponse(status, {}, typeof body === 'string' ? body : JSON.stringify(body), new Date());
  for (const body of [
    { statusCode: '400', error: 'InvalidJWT', message: 'Invalid Compact JWS' },
    { statusCode: '400', error: 'Error', message: 'Invalid Compact JWS' },
    { code: 'InvalidJWT', message: 'jwt malformed' },
    { statusCode: '400', error: 'InvalidJWT', message: 'signature verification failed' },
    { message: 'invalid JWT: token is malformed' },
    { statusCode: '403', error: 'Unauthorized', message: 'jwt expired' },
    { statusCode: '401', error: 'x', message: 'y' },
  ]) {
    test(JSON.stringify(body), () => {
      assert.throws(() => throwUnlessDone(answers(400, body)), {
        code: 'storage_unauthorized',
        disposition: 'retry',
      });
    });
  }

  test('and not with what it says of the file', () => {
    for (const body of [
      '',
      'no',
      { statusCode: '415', error: 'invalid_mime_type', message: 'x' },
    ]) {
      assert.throws(() => throwUnlessDone(answers(400, body)), { code: 'storage_rejected' });
    }
  });

  test('by whoever it is said: a real upload is to be tried again', async (t) => {
    const server = createServer((request, response) => {
      request.resume().once('end', () => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end('{"statusCode":"400","error":"InvalidJWT","message":"Invalid Compact JWS"}');
      });
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    t.onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const storage = createStorage({ supabaseUrl: `http://127.0.0.1:${port}`, supabaseKey: 'old' });
    t.onTestFinished(() => storage.close());
    const object = {
      bucket: 'tracks-audio',
      path: 'a/b.mp3',
      contentType: 'audio/mpeg',
      length: 4,
    };
    const signal = new AbortController().signal;
    const body = (async function* () {
      yield Buffer.from('song');
    })();
    await assert.rejects(storage.upload(object, body, signal), { code: 'storage_unauthorized' });
  });
});
