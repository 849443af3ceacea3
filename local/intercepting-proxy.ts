import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';

/**
 * What becomes of a request. true: a response was sent. false: it passes on. `lose`: it passes on, and the
 * connection is cut instead of the response, or after so many bytes of the body.
 */
export type Interception = boolean | { lose: 'response' | number };

/** May take its time. */
export type Intercept = (
  request: IncomingMessage,
  response: ServerResponse,
) => Interception | Promise<Interception>;

export interface InterceptingProxy {
  url: string;
  /** Decides about every further request; passes everything on at first. */
  intercept: Intercept;
  /** `METHOD /path` of every request that was passed on. */
  passed: string[];
  stop(): Promise<void>;
}

/** An http proxy before `target`, to make it misbehave. */
export async function startInterceptingProxy(target: string): Promise<InterceptingProxy> {
  const server = createServer(async (incoming, response) => {
    // The client may go away at any time; what is cut here is cut on purpose.
    for (const stream of [incoming, response]) stream.on('error', () => {});
    const interception = await proxy.intercept(incoming, response);
    if (interception === true) return;
    const lose = interception === false ? undefined : interception.lose;
    const { method = 'GET', url = '/', headers } = incoming;
    proxy.passed.push(`${method} ${url}`);
    const onward = request(new URL(url, target), { method, headers }, (upstream) => {
      if (lose === 'response') {
        upstream.resume().on('end', () => response.destroy());
        return;
      }
      response.writeHead(upstream.statusCode ?? 500, upstream.headers);
      upstream.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    const cut = () => response.destroy();
    incoming.pipe(typeof lose === 'number' ? cutAfter(lose, onward, cut) : onward);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const proxy: InterceptingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    intercept: () => false,
    passed: [],
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return proxy;
}

/** Lets `bytes` pass on, and no end. */
function cutAfter(bytes: number, onward: ClientRequest, cut: () => void): Writable {
  let left = bytes;
  return new Writable({
    write(chunk: Buffer, _, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      onward.write(part, left > 0 ? done : cut);
    },
    final: cut,
  });
}
