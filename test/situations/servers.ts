import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { makeCertificate } from '../../local/provider/certificate.ts';
import { host } from '../adapters/provider/open.ts';
import type { Cleanup } from '../support/cleanup.ts';

export interface Reached {
  overrides: Map<string, { address: string; port: number }>;
  ca: string;
}

async function reach(
  t: Cleanup,
  server: ReturnType<typeof createServer> | Http2SecureServer,
  ca: string,
): Promise<Reached> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { overrides: new Map([[host, { address: '127.0.0.1', port }]]), ca };
}

/** A TLS server that treats each request of a connection, from 1, as `respond` says, byte by byte. */
export async function byteServer(
  t: Cleanup,
  respond: (socket: TLSSocket, count: number) => void,
): Promise<Reached> {
  const { authority, certificate, key } = await makeCertificate([host]);
  let count = 0;
  const server = createServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => {});
    let asked = '';
    socket.on('data', (chunk: Buffer) => {
      asked += chunk.toString('latin1');
      if (!asked.endsWith('\r\n\r\n')) return;
      asked = '';
      count += 1;
      respond(socket, count);
    });
  });
  return await reach(t, server, authority);
}

/** A server that speaks HTTP/2 and nothing else. */
export async function http2Server(t: Cleanup, body: Buffer, more: object = {}): Promise<Reached> {
  const { authority, certificate, key } = await makeCertificate([host]);
  const server = createSecureServer({ cert: certificate, key, allowHTTP1: false, ...more });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-length': body.length });
    stream.end(body);
  });
  return await reach(t, server, authority);
}
