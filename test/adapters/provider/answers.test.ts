import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, test } from 'vitest';
import { ArchiveFailure } from '../../../core/failure.ts';
import { httpsServer } from '../../support/https-server.ts';
import { codeOf, fetchWhole, host } from './open.ts';

const url = `https://${host}/song.mp3?signature=secret`;
const song = Buffer.alloc(300_000, 'la');

test('a file arrives whole, with its length and host', async (t) => {
  const server = await httpsServer(t, [host], (_, response) => {
    response.writeHead(200, { 'content-length': song.length }).end(song);
  });
  assert.deepEqual(await fetchWhole(url, server), { bytes: song, host, length: song.length });
});

test('a file without Content-Length arrives whole, without a length', async (t) => {
  const server = await httpsServer(t, [host], (_, response) => {
    response.write(song.subarray(0, 1000));
    response.end(song.subarray(1000));
  });
  assert.deepEqual(await fetchWhole(url, server), { bytes: song, host, length: undefined });
});

test('the request carries the policy’s user agent, the query, and asks for no encoding', async (t) => {
  const server = await httpsServer(t, [host], (_, response) => void response.end(song));
  await fetchWhole(url, server);
  const [request] = server.requests;
  assert.equal(request?.url, '/song.mp3?signature=secret');
  assert.equal(request?.headers['user-agent'], 'tester/1');
  assert.equal(request?.headers['accept-encoding'], 'identity');
  assert.equal(request?.headers.host, host);
});

describe('a status of', () => {
  for (const [status, code] of [
    [401, 'provider_gone'],
    [403, 'provider_gone'],
    [404, 'provider_gone'],
    [410, 'provider_gone'],
    [441, 'provider_gone'],
    [408, 'provider_throttled'],
    [425, 'provider_throttled'],
    [429, 'provider_throttled'],
    [500, 'provider_unavailable'],
    [503, 'provider_unavailable'],
    [204, 'provider_empty'],
    [206, 'provider_refused'],
    [304, 'provider_refused'],
    [400, 'provider_refused'],
    [451, 'provider_refused'],
  ] as const) {
    test(`${status} is ${code}`, async (t) => {
      const server = await httpsServer(t, [host], (_, response) => {
        response.writeHead(status, { 'retry-after': '7' }).end();
      });
      const failure = await fetchWhole(url, server);
      assert.ok(failure instanceof ArchiveFailure);
      assert.equal(failure.code, code);
      assert.equal(failure.retryAfter, 7);
      assert.equal(failure.message, `The provider answered ${status} for https://${host}/song.mp3`);
    });
  }
});

describe('a body that is encoded all the same', () => {
  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    test(`is decoded where it is ${encoding}, and has no known length`, async (t) => {
      const server = await httpsServer(t, [host], (_, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end(encode(song));
      });
      assert.deepEqual(await fetchWhole(url, server), { bytes: song, host, length: undefined });
    });
  }

  test('more often than anybody needs is refused', async (t) => {
    const server = await httpsServer(t, [host], (_, response) => {
      response.writeHead(200, { 'content-encoding': Array(5).fill('gzip').join() }).end(song);
    });
    assert.equal(codeOf(await fetchWhole(url, server)), 'content_encoding');
  });

  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    test(`is refused where its ${encoding} is broken`, async (t) => {
      const server = await httpsServer(t, [host], (_, response) => {
        const lines = Array.from({ length: 30_000 }, (_, line) => `la ${line * line}`).join();
        const broken = encode(lines);
        // The checksum; zstd has none here.
        broken.fill(0xff, encoding === 'zstd' ? Math.floor(broken.length / 2) : broken.length - 4);
        response.writeHead(200, { 'content-encoding': encoding }).end(broken);
      });
      assert.equal(codeOf(await fetchWhole(url, server)), 'content_encoding');
    });
  }

  test('is truncated where it stops too early', async (t) => {
    const server = await httpsServer(t, [host], (_, response) => {
      const half = gzipSync(song).subarray(0, 100);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': half.length });
      response.end(half);
    });
    assert.equal(codeOf(await fetchWhole(url, server)), 'provider_truncated');
  });

  test('that stalls is stalled, and not waited for', async (t) => {
    const server = await httpsServer(t, [host], (_, response) => {
      const encoded = gzipSync(randomBytes(100_000));
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(encoded.subarray(0, 50_000));
    });
    assert.equal(codeOf(await fetchWhole(url, server, { timeout: 300 })), 'provider_stalled');
  });
});
