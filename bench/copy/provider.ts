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

/** How a file of each kind begins; the rest is zeros. */
const heads: Record<AssetKind, Buffer> = {
  audio: media('song.mp3'),
  cover: media('cover.jpg'),
  video: media('video.mp4'),
};
const zeros = Buffer.alloc(1024 * 1024);
const files = filesFromParent();

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
  let part = heads[kind].subarray(0, bytes);
  for (let sent = 0; sent < bytes; ) {
    if (!response.write(part)) await once(response, 'drain');
    sent += part.length;
    const delay = pace.pass(part.length);
    if (delay > 0) await wait(delay);
    part = zeros.subarray(0, Math.min(bytes - sent, pace.worth(4)));
  }
  response.end();
}

await serveLinks(sendFile);
