import assert from 'node:assert/strict';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { describe, test } from 'vitest';
import { codeOf, fetchWhole, host } from '../adapters/provider/open.ts';
import { files } from '../lambdas/tracks.ts';
import { httpsServer } from '../support/https-server.ts';

const url = `https://${host}/song.mp3`;
const song = files.audio;

describe('situation 4: a body with codings of every kind arrives as it was', () => {
  for (const [coding, body] of [
    ['aws-chunked', song],
    ['AWS-Chunked', song],
    ['utf-8', song],
    ['binary', song],
    ['none', song],
    ['', song],
    [',', song],
    ['identity, identity', song],
    ['audio/mpeg', song],
    ['gzip', song],
    ['br', song],
    ['deflate', song],
    ['zstd', song],
    ['gzip', files.cover],
    ['br', files.video],
    ['deflate', files.cover],
    ['gzip, gzip', gzipSync(song)],
    ['gzip, br', gzipSync(song)],
    ['gzip', gzipSync(song)],
    ['x-gzip', gzipSync(song)],
    ['aws-chunked,gzip', gzipSync(song)],
    ['identity, gzip', gzipSync(song)],
    ['gzip, identity', gzipSync(song)],
    ['gzip, gzip', gzipSync(gzipSync(song))],
    ['deflate, gzip', gzipSync(deflateRawSync(song))],
    ['br, zstd', zstdCompressSync(brotliCompressSync(song))],
    ['zstd', zstdCompressSync(song)],
    ['deflate', deflateSync(song)],
    ['deflate', deflateRawSync(song)],
    ['br', brotliCompressSync(song)],
    ['br', gzipSync(song)],
  ] as const) {
    test(`${JSON.stringify(coding)} of ${body.length} bytes`, async (t) => {
      const server = await httpsServer(t, [host], (_, response) => {
        response.writeHead(200, { 'content-encoding': coding, 'content-length': body.length });
        response.write(body.subarray(0, 3));
        setImmediate(() => response.end(body.subarray(3)));
      });
      const result = await fetchWhole(url, server);
      assert.ok('bytes' in result, codeOf(result));
      const expected = [song, files.cover, files.video].find((each) => each.equals(result.bytes));
      assert.ok(expected, `${result.bytes.length} other bytes`);
      assert.equal(result.length, expected === body ? body.length : undefined);
    });
  }

  test('a short body that is not what its coding says is taken to its end', async (t) => {
    for (const coding of ['gzip', 'deflate', 'br', 'zstd']) {
      const server = await httpsServer(t, [host], (_, response) => {
        response.writeHead(200, { 'content-encoding': coding }).end('ID3');
      });
      assert.equal(codeOf(await fetchWhole(url, server)), '3 bytes');
    }
  });
});

/** As S3 has it on the wire: a line before each chunk, signed or not, and trailers. */
function awsChunked(body: Buffer, signature: string, size = 65_536): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    parts.push(
      Buffer.from(`${chunk.length.toString(16)}${signature}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    );
  }
  return Buffer.concat([
    ...parts,
    Buffer.from(`0${signature}\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n`),
  ]);
}
const signed = `;chunk-signature=${'0a'.repeat(32)}`;

describe('situation 4: a body that still has the framing of its upload', () => {
  for (const [what, coding, body] of [
    ['signed', 'aws-chunked', awsChunked(song, signed)],
    ['not signed', 'aws-chunked', awsChunked(song, '')],
    ['in small chunks', 'aws-chunked', awsChunked(song, signed, 8192)],
    ['around gzip', 'aws-chunked,gzip', awsChunked(gzipSync(song), signed, 1000)],
    ['around gzip that is listed first', 'gzip, aws-chunked', awsChunked(gzipSync(song), '')],
  ] as const) {
    test(`arrives without it: ${what}`, async (t) => {
      for (const step of [7, 5000, body.length]) {
        const server = await httpsServer(t, [host], (_, response) => {
          response.writeHead(200, { 'content-encoding': coding, 'content-length': body.length });
          const pieces = Array.from({ length: Math.ceil(body.length / step) }, (_, at) =>
            body.subarray(at * step, (at + 1) * step),
          );
          for (const piece of pieces) response.write(piece);
          response.end();
        });
        const result = await fetchWhole(url, server);
        assert.ok('bytes' in result, codeOf(result));
        assert.ok(result.bytes.equals(song), `${result.bytes.length} other bytes`);
        assert.equal(result.length, undefined);
      }
    });
  }

  test('is truncated where its last chunk is missing, and refused where a length is', async (t) => {
    const body = awsChunked(song, signed, 8192);
    const damaged = Buffer.from(body);
    damaged.fill('z', 8192 + 90, 8192 + 95);
    for (const [sent, code] of [
      [body.subarray(0, body.length - 200), 'provider_truncated'],
      [damaged, 'content_encoding'],
    ] as const) {
      const server = await httpsServer(t, [host], (_, response) => {
        response.writeHead(200, { 'content-encoding': 'aws-chunked' }).end(sent);
      });
      assert.equal(codeOf(await fetchWhole(url, server)), code);
    }
  });
});
