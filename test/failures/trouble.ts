import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { makeCertificate } from '../../local/provider/certificate.ts';
import type { Provider } from '../../local/provider/server.ts';
import type { Cleanup } from '../support/cleanup.ts';

/** Hosts that the policy allows and that fail before any request can be made. */
export const troubleHosts = {
  refused: 'refused.example',
  silent: 'silent.example',
  plain: 'plain.example',
  stranger: 'stranger.example',
  otherName: 'other-name.example',
  unresolved: 'nowhere.invalid',
  /** DNS answers of these two are in `dnsAnswers`. */
  private: 'private.example',
  rebinding: 'rebinding.example',
} as const;
export type TroubleHost = keyof typeof troubleHosts;

/**
 * What DNS says each time it is asked for a host. 2d00::1 is a global address that nobody has: it passes
 * the guard, and no connection to it can stand.
 */
export const dnsAnswers: Record<string, string[]> = {
  [troubleHosts.private]: ['10.0.0.1'],
  [troubleHosts.rebinding]: ['2d00::1', '127.0.0.1'],
};

export interface Trouble {
  /** For PROVIDER_ADDRESS_OVERRIDES, with the provider's own. */
  addressOverrides: string;
  /** TCP connections that a host has seen. */
  connections(host: TroubleHost): number;
}

/** A listening server of `createServer`'s, closed after the test, and its port. */
async function listen(t: Cleanup, server: ReturnType<typeof createTcpServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

export async function startTrouble(t: Cleanup, provider: Provider): Promise<Trouble> {
  const stranger = await makeCertificate([troubleHosts.stranger]);
  const counts = new Map<TroubleHost, number>();
  const counted = async (host: TroubleHost, server: ReturnType<typeof createTcpServer>) => {
    server.on('connection', () => counts.set(host, (counts.get(host) ?? 0) + 1));
    return [troubleHosts[host], `127.0.0.1:${await listen(t, server)}`] as const;
  };
  const overrides = Object.fromEntries([
    // Nobody listens there.
    [troubleHosts.refused, '127.0.0.1:1'],
    [troubleHosts.otherName, provider.address],
    await counted('silent', createTcpServer()),
    await counted(
      'plain',
      createTcpServer((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n')),
    ),
    await counted(
      'stranger',
      createTlsServer({ cert: stranger.certificate, key: stranger.key }, (socket) => {
        socket.on('error', () => {});
      }),
    ),
  ]);
  return {
    addressOverrides: JSON.stringify({ ...JSON.parse(provider.addressOverrides), ...overrides }),
    connections: (host) => counts.get(host) ?? 0,
  };
}
