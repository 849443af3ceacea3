import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { files } from '../lambdas/tracks.ts';
import type { DeliveredCase } from './case.ts';
import { inBody, reset, status, uploads } from './storage-cases.ts';

const encoded = (encoding: string, body: Buffer) =>
  ({ kind: 'response', headers: { 'content-encoding': encoding }, body }) as const;

/** What the retry policy, or nothing at all, recovers within one delivery: the track is archived. */
export const recoveredCases: readonly DeliveredCase[] = [
  {
    what: 'the provider fails twice',
    audio: { kind: 'flaky', failures: 2, by: 503 },
    requests: 3,
  },
  {
    what: 'the connection is reset twice',
    audio: { kind: 'flaky', failures: 2, by: 'reset' },
    requests: 3,
  },
  {
    what: 'the provider asks for a second, and is given it',
    audio: { kind: 'flaky', failures: 1, by: 429, retryAfter: '1' },
    requests: 2,
  },
  { what: 'Storage is down once', storage: uploads(reset, 1), requests: 2 },
  { what: 'Storage answers 503 twice', storage: uploads(status(503), 2), requests: 3 },
  {
    what: 'Storage answers 409 once',
    storage: uploads(inBody('409', 'Duplicate'), 1),
    requests: 2,
  },
  { what: 'the body comes without a length', audio: { kind: 'chunked' } },
  {
    what: 'the body ends with its connection',
    audio: { kind: 'unframed', cut: 'never' },
    requests: 1,
  },
  {
    what: 'the body ends with its connection, which broke the first time',
    audio: { kind: 'unframed', cut: 'first' },
    requests: 2,
  },
  { what: 'the body comes as gzip', audio: encoded('gzip', gzipSync(files.audio)) },
  { what: 'the body comes as deflate', audio: encoded('deflate', deflateSync(files.audio)) },
  { what: 'the body comes as brotli', audio: encoded('br', brotliCompressSync(files.audio)) },
  { what: 'the body comes as zstd', audio: encoded('zstd', zstdCompressSync(files.audio)) },
  {
    what: 'the body is encoded twice',
    audio: encoded('gzip, gzip', gzipSync(gzipSync(files.audio))),
  },
  { what: 'the body is not encoded as it says', audio: encoded('gzip', files.audio) },
  { what: 'the encoding is none', audio: encoded('aws-chunked', files.audio) },
  { what: 'the provider answers 203', audio: { kind: 'response', status: 203, body: files.audio } },
  {
    what: 'a redirect leads to the file',
    audio: { kind: 'redirect', to: 'audio-b' },
    beside: { 'audio-b': { kind: 'ok' } },
    requests: 2,
  },
  { what: 'the cover is gone', cover: { kind: 'status', status: 441 } },
];
