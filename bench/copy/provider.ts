import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AssetKind } from '../../core/assets.ts';
import type { Link } from './ground.ts';
import { Pace } from './pace.ts';
import { filesFromParent, serveLinks } from './server.ts';

const media = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../local/provider/media', name));

const files = filesFromParent();
const zeros = Buffer.alloc(1024 * 1024);
/** Whole frames, without the tag and the first frame, which announces how many follow. */
const song = media('song.mp3');
const frames = song.subarray(song.indexOf(Buffer.from([0xff, 0xfb]), song.indexOf('Info') + 120));

/** A file of each kind is whole, and its rest what a player passes by: more frames, a free box, bytes behind the picture. */
const contents: Record<AssetKind, { head: Buffer; rest: Buffer }> = {
  audio: { head: song, rest: Buffer.concat(Array(32).fill(frames)) },
  cover: { head: media('cover.jpg'), rest: zeros },
  video: { head: Buffer.concat([media('video.mp4'), freeBox(files.video ?? 0)]), rest: zeros },
};

function freeBox(bytes: number): Buffer {
  const header = Buffer.from('\0\0\0\0free');
  header.writeUInt32BE(Math.max(8, bytes - media('video.mp4').length));
  return header;
}

/** `GET /<kind>`: the file of that kind, the same for every track. */
async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  link: Link,
): Promise<void> {
  const kind = request.url?.slice(1) as AssetKind;
  const bytes = files[kind] ?? 0;
  if (link.latency > 0) await wait(link.latency);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  const pace = new Pace(link.bytesPerSecond);
  const { head, rest } = contents[kind];
  let part = head.subarray(0, bytes);
  for (let sent = 0; sent < bytes; ) {
    if (!response.write(part)) await once(response, 'drain');
    sent += part.length;
    const delay = pace.pass(part.length);
    if (delay > 0) await wait(delay);
    const from = (sent - head.length) % rest.length;
    part = rest.subarray(from, Math.min(rest.length, from + Math.min(bytes - sent, pace.worth(4))));
  }
  response.end();
}

await serveLinks(sendFile);
