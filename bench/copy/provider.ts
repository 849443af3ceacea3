import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { AssetKind } from '../../core/assets.ts';
import { contentsOf, nextPart } from './contents.ts';
import type { Link } from './ground.ts';
import { Pace } from './pace.ts';
import { filesFromParent, serveLinks } from './server.ts';

const files = filesFromParent();
const contents = contentsOf(files);

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
  let part = contents[kind].head.subarray(0, bytes);
  for (let sent = 0; sent < bytes; ) {
    if (!response.write(part)) await once(response, 'drain');
    sent += part.length;
    const delay = pace.pass(part.length);
    if (delay > 0) await wait(delay);
    part = nextPart(contents[kind], sent, Math.min(bytes - sent, pace.worth(4)));
  }
  response.end();
}

await serveLinks(sendFile);
