import { brotliCompressSync, gzipSync } from 'node:zlib';
import { maxRedirects } from '../../adapters/provider/provider.ts';
import { buckets } from '../../core/assets.ts';
import type { FailureCode } from '../../core/failure.ts';
import { files } from '../lambdas/tracks.ts';
import { wave } from '../support/wave.ts';
import type { DeliveredCase } from './case.ts';

const { audio: song, cover, video } = files;
const header = (name: string, value: string) => ({ [name]: value });
const refusal = (status: number) =>
  ({ what: `the provider answers ${status}`, audio: { kind: 'status', status } }) as const;
const final = (status: number) => ({ ...refusal(status), final: true }) as const;
/** An answer of 200 with these bytes, under an audio content type. */
const body = (bytes: Buffer | string) =>
  ({ kind: 'response', headers: header('content-type', 'audio/mpeg'), body: bytes }) as const;
const encoded = (encoding: string, bytes: Buffer) =>
  ({ kind: 'response', headers: header('content-encoding', encoding), body: bytes }) as const;
const silence = wave(0.1);
const brokenGzip = gzipSync(song);
brokenGzip.fill(0xff, brokenGzip.length - 4);
const announcing = (bytes: number) =>
  ({
    kind: 'raw',
    bytes: Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`),
      song.subarray(0, 5000),
    ]),
  }) as const;

/** What the provider answers, in order but in vain. */
export const responseCases = {
  provider_gone: [refusal(401), refusal(403), refusal(404), final(410), final(441)],
  provider_refused: [
    {
      what: 'the provider answers with a part only',
      audio: {
        kind: 'response',
        status: 206,
        headers: header('content-range', `bytes 0-4999/${song.length}`),
        body: song.subarray(0, 5000),
      },
    },
    {
      what: 'the headers have no end',
      audio: { kind: 'raw', bytes: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}\r\n\r\n` },
    },
    ...[300, 304, 400, 405, 451].map(refusal),
  ],
  content_encoding: [
    {
      what: 'the body has another checksum than it says',
      audio: encoded('gzip', brokenGzip),
    },
    {
      what: 'the body is encoded more often than anybody needs',
      audio: encoded('gzip, gzip, gzip, gzip, gzip', song),
    },
  ],
  too_large: [
    {
      what: 'more is announced than the bucket takes',
      audio: announcing(buckets.audio.maxBytes + 1),
    },
    { what: 'the body has no end', cover: { kind: 'endless' }, stored: ['audio'] },
    {
      what: 'a small body becomes a large file',
      cover: encoded(
        'gzip',
        gzipSync(Buffer.concat([cover, Buffer.alloc(buckets.cover.maxBytes)])),
      ),
      stored: ['audio'],
    },
  ],
  media_unrecognised: [
    { what: 'a page of HTML comes with 200', audio: { kind: 'html' } },
    { what: 'JSON comes with 200', audio: body('{"error":"expired","code":404}') },
    { what: 'a playlist comes with 200', audio: body('#EXTM3U\n#EXTINF:10,\nhttps://a/b.ts\n') },
    {
      what: 'bytes that are no brotli come as brotli',
      audio: encoded('br', Buffer.alloc(5000, 0xff)),
    },
    { what: 'random bytes come with 200', audio: { kind: 'random', bytes: 50_000 } },
    {
      what: 'compressed HTML comes with 200',
      audio: encoded('br', brotliCompressSync('<!doctype html><title>Not found</title>')),
    },
    { what: 'the cover is a page of HTML', cover: { kind: 'html' }, stored: ['audio'] },
  ],
  media_wrong_kind: [
    { what: 'the audio is an image', file: cover },
    { what: 'the cover is a song', cover: body(song), stored: ['audio'] },
    { what: 'the video is an image', video: body(cover), stored: ['audio'] },
    { what: 'the cover is a video', cover: body(video), stored: ['audio'] },
  ],
  media_suspect: [
    {
      what: 'the audio plays for a tenth of a second',
      file: silence,
      requests: 2,
      stored: ['audio'],
      holds: { audio: silence },
      shows: [],
    },
  ],
  redirect_limit: [
    {
      what: 'a redirect leads to itself',
      audio: { kind: 'redirect', to: '?signature=very-secret' },
    },
    {
      what: 'two redirects lead to each other',
      audio: { kind: 'redirect', to: 'audio-b' },
      beside: {
        'audio-b': { kind: 'redirect', to: 'audio?signature=very-secret', status: 307 },
      },
      requests: 2,
    },
    {
      what: 'redirects have no end',
      audio: { kind: 'redirect', to: 'audio-1', status: 308 },
      beside: Object.fromEntries(
        Array.from({ length: maxRedirects + 2 }, (_, hop) => [
          `audio-${hop + 1}`,
          { kind: 'redirect', to: `audio-${hop + 2}`, status: 301 },
        ]),
      ),
      requests: maxRedirects + 1,
    },
    { what: 'a redirect leads nowhere', audio: { kind: 'response', status: 302, body: '' } },
  ],
} as const satisfies Partial<Record<FailureCode, readonly DeliveredCase[]>>;
