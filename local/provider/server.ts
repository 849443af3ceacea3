import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, get } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Behaviour } from './behaviour.ts';
import { makeCertificate } from './certificate.ts';
import { respond } from './respond.ts';

/** The hosts of the demo providers: names that no DNS will ever resolve (RFC 2606). */
export const demoHosts = {
  suno: 'cdn.suno.example',
  mureka: 'cdn.mureka.example',
  replicate: 'delivery.replicate.example',
} as const;

export interface ProviderRequest {
  /** Milliseconds since the epoch. */
  time: number;
  /** The address as it was asked for, e.g. `https://cdn.suno.example/a.mp3`. */
  url: string;
  userAgent: string | undefined;
  /** Of the response; undefined where the connection was reset or no headers were sent. */
  status: number | undefined;
}

export interface Provider {
  /** `127.0.0.1:port` of the https server. */
  address: string;
  hosts: string[];
  /** Path of a PEM file, for NODE_EXTRA_CA_CERTS. */
  certificate: string;
  /** The same PEM, for an https agent's `ca`. */
  authority: string;
  /** Value of PROVIDER_ADDRESS_OVERRIDES: each host at our address. */
  addressOverrides: string;
  /**
   * Serves `file` at `url` (one of the hosts, any path) from now on, counting requests from zero. A function
   * decides anew at each request, given its number, from 1.
   */
  serve(
    url: string,
    file: Buffer | (() => Buffer),
    behaviour?: Behaviour | ((count: number) => Behaviour),
  ): void;
  /** What `serve` was given for `url`, deleted since or not. */
  served(url: string): Buffer | undefined;
  /** Every request in order, those to unknown addresses (404) included. */
  requests: ProviderRequest[];
  /** The status that `url` has for a client now; counted among the requests. */
  statusOf(url: string): Promise<number | undefined>;
  /** As on day fifteen: every address has `status` (410) from now on. */
  deleteEverything(status?: number): void;
  stop(): Promise<void>;
}

interface Entry {
  file: () => Buffer;
  behaviour: (count: number) => Behaviour;
  count: number;
}

/** Starts the demo provider: https on a free port, with a certificate of its own for its hosts. */
export async function startProvider(
  options: {
    hosts?: string[];
    /** Where the certificate's file goes; the system's temporary directory by default. */
    directory?: string;
    now?: () => number;
  } = {},
): Promise<Provider> {
  const hosts = options.hosts ?? Object.values(demoHosts);
  const now = options.now ?? Date.now;
  const { authority, certificate, key } = await makeCertificate(hosts);
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'track-archiver-provider-'));
  const certificateFile = join(directory, 'authority.pem');
  await writeFile(certificateFile, authority);

  const entries = new Map<string, Entry>();
  const requests: ProviderRequest[] = [];

  const server = createServer({ cert: certificate, key }, (request, response) => {
    const url = `https://${request.headers.host}${request.url}`;
    record(requests, request, response, url, now);
    const entry = entries.get(url);
    if (entry === undefined) {
      response.writeHead(404).end();
      return;
    }
    entry.count += 1;
    const connection = connections.get(request.socket.remotePort);
    const { count } = entry;
    const behaviour = entry.behaviour(count);
    const exchange = { response, file: entry.file(), count, connection };
    respond(exchange, behaviour).catch(() => response.destroy());
  });
  // By the client's port: the TCP connection below each TLS socket.
  const connections = new Map<number | undefined, Socket>();
  server.on('connection', (connection: Socket) => {
    const { remotePort } = connection;
    connections.set(remotePort, connection);
    connection.once('close', () => connections.delete(remotePort));
  });
  await new Promise<void>((ready, fail) =>
    server.once('error', fail).listen(0, '127.0.0.1', ready),
  );
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    address,
    hosts,
    certificate: certificateFile,
    authority,
    addressOverrides: JSON.stringify(Object.fromEntries(hosts.map((host) => [host, address]))),
    requests,
    serve: (url, file, behaviour = { kind: 'ok' }) => {
      entries.set(new URL(url).href, {
        file: typeof file === 'function' ? file : () => file,
        behaviour: typeof behaviour === 'function' ? behaviour : () => behaviour,
        count: 0,
      });
    },
    served: (url) => entries.get(new URL(url).href)?.file(),
    statusOf: (url) => ask(new URL(url), address, authority),
    deleteEverything: (status = 410) => {
      for (const entry of entries.values()) entry.behaviour = () => ({ kind: 'status', status });
    },
    stop: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function ask(
  { hostname, pathname }: URL,
  address: string,
  ca: string,
): Promise<number | undefined> {
  const [host, port] = address.split(':');
  const options = { host, port, path: pathname, ca, servername: hostname, agent: false };
  return new Promise((resolve, reject) => {
    get({ ...options, headers: { host: hostname } }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    }).once('error', reject);
  });
}

function record(
  requests: ProviderRequest[],
  request: IncomingMessage,
  response: ServerResponse,
  url: string,
  now: () => number,
): void {
  const entry: ProviderRequest = {
    time: now(),
    url,
    userAgent: request.headers['user-agent'],
    status: undefined,
  };
  requests.push(entry);
  response.once('close', () => {
    if (response.headersSent) entry.status = response.statusCode;
  });
}
