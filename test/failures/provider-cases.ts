import { gzipSync } from 'node:zlib';
import type { FailureCode } from '../../core/failure.ts';
import { files } from '../lambdas/tracks.ts';
import type { DeliveredCase } from './case.ts';
import { troubleHosts } from './trouble.ts';

const song = files.audio;
const on = (host: string) => `https://${host}/song.mp3?signature=very-secret`;
const status = (code: number, retryAfter?: string) =>
  ({ kind: 'status', status: code, ...(retryAfter === undefined ? {} : { retryAfter }) }) as const;
const gzip = { 'content-encoding': 'gzip' };
const responds = (code: number) =>
  ({ what: `the provider answers ${code}`, audio: status(code) }) as const;

/** An HTTP date so many seconds from now. */
const httpDate = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

/** The connection to the provider, and the bytes on it. */
export const providerCases = {
  provider_unreachable: [
    { what: 'the connection is refused', url: on(troubleHosts.refused) },
    {
      what: 'the handshake never ends',
      url: on(troubleHosts.silent),
      connections: ['silent', 3],
      waits: true,
    },
  ],
  provider_dns: [{ what: 'the host does not resolve', url: on(troubleHosts.unresolved) }],
  provider_tls: [
    {
      what: 'the certificate is of an unknown authority',
      url: on(troubleHosts.stranger),
      connections: ['stranger', 3],
    },
    { what: 'the certificate is of another host', url: on(troubleHosts.otherName) },
    {
      what: 'the host speaks no TLS',
      url: on(troubleHosts.plain),
      connections: ['plain', 3],
    },
  ],
  provider_timeout: [{ what: 'no headers come', audio: { kind: 'stalled' }, waits: true }],
  provider_stalled: [
    { what: 'the body stops in the middle', audio: { kind: 'stalled', after: 5000 }, waits: true },
    {
      what: 'the body stops before its type is known',
      audio: { kind: 'stalled', after: 10 },
      waits: true,
    },
  ],
  provider_reset: [
    {
      what: 'the connection is reset before the headers',
      audio: { kind: 'flaky', failures: 99, by: 'reset' },
    },
    {
      what: 'the connection is reset in the middle',
      audio: { kind: 'truncated', after: 5000, by: 'reset' },
    },
    {
      what: 'the response is no HTTP',
      audio: { kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9.6\r\n' },
      // Asked at once over another kind of connection, too.
      requests: 4,
    },
    {
      what: 'TLS breaks in the middle',
      audio: { kind: 'truncated', after: 5000, by: 'garbage' },
    },
    { what: 'the response is nothing', audio: { kind: 'raw', bytes: '' } },
  ],
  provider_truncated: [
    { what: 'the body ends in the middle', audio: { kind: 'truncated', after: 5000 } },
    { what: 'one byte is missing', audio: { kind: 'truncated', after: song.length - 1 } },
    { what: 'the body ends before its type is known', audio: { kind: 'truncated', after: 10 } },
    {
      what: 'a chunked body ends inside a chunk',
      audio: {
        kind: 'raw',
        bytes: Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n'),
          song.subarray(0, 5000),
        ]),
      },
    },
    {
      what: 'a compressed body ends in the middle',
      audio: { kind: 'response', headers: gzip, body: gzipSync(song).subarray(0, 5000) },
    },
    {
      what: 'a body that ends with its connection is another one each time',
      audio: { kind: 'unframed', cut: 'always' },
    },
  ],
  provider_overlong: [
    {
      what: 'the body is longer than announced',
      audio: { kind: 'overlong', more: 'more' },
    },
    {
      what: 'two lengths are announced',
      audio: {
        kind: 'raw',
        bytes: Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\ncontent-length: 9000\r\n\r\n'),
          song,
        ]),
      },
      requests: 4,
    },
  ],
  provider_empty: [
    { what: 'the body has no bytes', audio: { kind: 'empty' } },
    { what: 'the provider answers 204', audio: status(204) },
    {
      what: 'a body without a length has no bytes',
      audio: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n' },
    },
  ],
  provider_throttled: [
    responds(408),
    responds(425),
    responds(429),
    {
      what: 'the provider asks for two minutes',
      audio: status(429, '120'),
      requests: 1,
      delay: 120,
    },
    {
      what: 'the provider asks for a time of day',
      audio: status(429, httpDate(600)),
      requests: 1,
      delay: 600,
      // The date was written when this file was loaded.
      slack: 60,
    },
    {
      what: 'the provider asks for a week',
      audio: status(429, '604800'),
      requests: 1,
      delay: 3600,
    },
    { what: 'the provider asks for nonsense', audio: status(429, 'later') },
  ],
  provider_unavailable: [
    responds(500),
    ...[502, 503, 504, 522].map(responds),
    {
      what: 'the provider is back in half an hour',
      audio: status(503, '1800'),
      requests: 1,
      delay: 1800,
    },
  ],
} as const satisfies Partial<Record<FailureCode, readonly DeliveredCase[]>>;
