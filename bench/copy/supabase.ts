import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { AssetKind } from '../../core/assets.ts';
import { type Link, providerHost } from './ground.ts';
import { Pace } from './pace.ts';
import { filesFromParent, serveLinks } from './server.ts';

/*
 * Stands in for Supabase where only the copy's speed counts: Storage counts the bytes of an upload and throws
 * them away, the database's functions return at once what they return on a good day. The link is Storage's
 * only: a database call takes as long as in the same region, in every setting.
 */

const files = filesFromParent();

/** What came since the parent asked last. */
export interface Arrived {
  objects: number;
  bytes: number;
}
let arrived: Arrived = { objects: 0, bytes: 0 };

/** Reads an upload to its end and returns its bytes. */
function receive(request: IncomingMessage, link: Link): Promise<number> {
  const pace = new Pace(link.bytesPerSecond);
  let bytes = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      const delay = pace.pass(chunk.length);
      if (delay < 2) return;
      request.pause();
      setTimeout(() => request.resume(), delay);
    });
    request.on('end', () => resolve(bytes));
    request.on('error', reject);
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  link: Link,
): Promise<void> {
  const path = request.url ?? '';
  const [, call] = /^\/rest\/v1\/rpc\/(\w+)$/.exec(path) ?? [];
  if (call !== undefined) return sendJson(response, databaseResult(call));
  const bytes = await receive(request, link);
  arrived = { objects: arrived.objects + 1, bytes: arrived.bytes + bytes };
  if (link.latency > 0) await wait(link.latency);
  sendJson(response, { Id: randomUUID(), Key: path.replace('/storage/v1/object/', '') });
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const url = (kind: AssetKind) =>
  files[kind] === undefined ? null : `https://${providerHost}/${kind}`;

function databaseResult(call: string): unknown {
  switch (call) {
    case 'claim_track_archiving':
      return [
        {
          outcome: 'claimed',
          job_id: randomUUID(),
          fencing_token: 1,
          attempt: 1,
          user_id: randomUUID(),
          title: null,
          provider: null,
          expires_at: null,
          allowed_hosts: [providerHost],
          user_agent: null,
          audio_url: url('audio'),
          cover_url: url('cover'),
          video_url: url('video'),
          storage_audio_url: null,
          storage_cover_url: null,
          storage_video_url: null,
          gone: [],
          asked_before: [],
          duration_seconds: null,
          stored_seconds: {},
        },
      ];
    case 'store_track_asset':
      return true;
    case 'complete_track_archiving':
      return 'completed';
    default:
      throw new Error(`The lanes are not known to call ${call}`);
  }
}

process.on('message', () => {
  process.send?.(arrived);
  arrived = { objects: 0, bytes: 0 };
});
await serveLinks(respond);
