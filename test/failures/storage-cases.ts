import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { FailureCode } from '../../core/failure.ts';
import { files } from '../lambdas/tracks.ts';
import type { DeliveredCase, StorageFault } from './case.ts';

type Respond = (exchange: Parameters<StorageFault>[0]) => void;

/** Meets uploads, all of them or the first ones. */
export const uploads =
  (respond: Respond, most = Number.POSITIVE_INFINITY): StorageFault =>
  (exchange) => {
    if (!exchange.isUpload || exchange.count > most) return false;
    exchange.request.resume();
    respond(exchange);
    return true;
  };

/** Accepts uploads, all of them or the first ones, and forgets them. */
export const forgets = (most?: number): StorageFault =>
  uploads(({ request, response }) => {
    request.once('end', () => response.end('{"Key":"x","Id":"y"}'));
  }, most);

const head = files.audio.subarray(0, 5000);
/** Accepts uploads and keeps only their first bytes. */
const shortens: StorageFault = async (exchange) => {
  const { isUpload, request, response, ground } = exchange;
  if (!isUpload) return false;
  await finished(request.resume());
  const { apikey = '', 'content-type': type = '' } = request.headers as Record<string, string>;
  const answer = await fetch(`${ground.gateway.url}${request.url}`, {
    method: 'POST',
    headers: { apikey, 'content-type': type, 'x-upsert': 'true' },
    body: head,
  });
  response.end(await answer.text());
  return true;
};

export const status =
  (code: number, headers: Record<string, string> = {}): Respond =>
  ({ response }) =>
    response.writeHead(code, headers).end('no');
/** Storage's way to refuse: HTTP 400, the true status in the body. */
export const inBody =
  (statusCode: string, error: string): Respond =>
  ({ response }) =>
    response.writeHead(400).end(JSON.stringify({ statusCode, error, message: 'no' }));
export const reset: Respond = ({ response }) => response.socket?.resetAndDestroy();

/** Takes the first bytes of an upload and breaks off. */
const breakOff: StorageFault = ({ isUpload, request }) => {
  if (!isUpload) return false;
  request.once('data', () => request.socket.resetAndDestroy());
  return true;
};

const says = (what: string, respond: Respond): DeliveredCase => ({
  what: `Storage answers ${what}`,
  storage: uploads(respond),
});

/** Supabase Storage, which the bytes go to. */
export const storageCases = {
  storage_unavailable: [
    { what: 'Storage is down', storage: uploads(reset) },
    { what: 'Storage breaks off in the middle', storage: breakOff },
    { what: 'Storage is too slow', storage: uploads(() => {}), waits: true },
    says('500', status(500)),
    says('503', status(503)),
    says('544 in the body', inBody('544', 'DatabaseTimeout')),
    says('507: it is full', status(507)),
    says('402: the plan is used up', status(402)),
    says('409', inBody('409', 'Duplicate')),
    says('423', inBody('423', 'ResourceLocked')),
    {
      ...says('429 and asks for two minutes', status(429, { 'retry-after': '120' })),
      requests: 1,
      delay: 120,
    },
  ],
  storage_unauthorized: [says('401', status(401)), says('403 in the body', inBody('403', 'No'))],
  storage_rejected: [
    {
      what: 'the bucket does not take the type',
      file: readFileSync(join(import.meta.dirname, '../fixtures/song.flac')),
    },
    says('404 for the bucket', inBody('404', 'Bucket not found')),
    says('400', status(400)),
  ],
  storage_mismatch: [
    {
      what: 'Storage has another length than was sent',
      storage: shortens,
      requests: 1,
      stored: ['audio'],
      holds: { audio: head },
    },
    { what: 'Storage has not what it accepted', storage: forgets(), requests: 1 },
  ],
  too_large: [
    says('413', status(413)),
    says('413 in the body', inBody('413', 'Payload too large')),
    {
      what: 'the bucket’s limit was lowered by hand',
      video: { kind: 'ok' },
      stored: ['audio'],
    },
  ],
} as const satisfies Partial<Record<FailureCode, readonly DeliveredCase[]>>;

/** What the buckets of the ground are like for the cases above: no FLAC, and no videos but the smallest. */
export const bucketChanges = [
  "update storage.buckets set allowed_mime_types = array_remove(array_remove(allowed_mime_types, 'audio/flac'), 'audio/x-flac') where id = 'tracks-audio'",
  `update storage.buckets set file_size_limit = ${files.video.length - 1} where id = 'tracks-videos'`,
];
