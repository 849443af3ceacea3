import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { AddressOverrides } from '../../adapters/provider/overrides.ts';
import { makeCertificate } from '../../local/provider/certificate.ts';
import type { Cleanup } from './cleanup.ts';

export interface HttpsServer {
  port: number;
  /** PEM of the authority that signed the server's certificate. */
  ca: string;
  /** Leads each of the server's host names to it. */
  overrides: AddressOverrides;
  requests: IncomingMessage[];
}

/** An https server on a free port with a certificate for `hosts`, closed after the test. */
export async function httpsServer(
  t: Cleanup,
  hosts: string[],
  answer: RequestListener,
): Promise<HttpsServer> {
  const { authority, certificate, key } = await makeCertificate(hosts);
  const requests: IncomingMessage[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const target = { address: '127.0.0.1', port };
  return { port, ca: authority, overrides: new Map(hosts.map((host) => [host, target])), requests };
}
