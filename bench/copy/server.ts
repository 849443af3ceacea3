import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Link, type LinkName, links, type TrackFiles } from './ground.ts';

export type Respond = (
  request: IncomingMessage,
  response: ServerResponse,
  link: Link,
) => Promise<void>;

/** What a server's process sends its parent when it can be asked. */
export type Ports = Record<LinkName, number>;

/** The files of every track, as the parent gave them to this process. */
export const filesFromParent = (): TrackFiles => JSON.parse(process.argv[2] ?? '{}');

/** Serves each link at a port of its own until the parent goes. */
export async function serveLinks(respond: Respond): Promise<void> {
  const listen = async (link: Link) => {
    // Connections outlive the pauses in which the other lanes are at work.
    const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
      respond(request, response, link).catch((error) => response.destroy(error));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return (server.address() as AddressInfo).port;
  };
  const ports: Ports = { free: await listen(links.free), slow: await listen(links.slow) };
  process.on('disconnect', () => process.exit());
  process.send?.(ports);
}
