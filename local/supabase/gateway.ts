import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { HttpError, sendJson } from './http.ts';
import { type Caller, KeyRing, type Keys } from './keys.ts';
import { serveRest } from './rest.ts';
import { serveStorage } from './storage.ts';

export interface Gateway {
  /** `http://127.0.0.1:<port>`, as SUPABASE_URL. */
  url: string;
  keys: Keys;
  /** An access token of a signed-in user, good for an hour. */
  userToken(userId: string): string;
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** Any role of the cluster: the gateway goes in as `authenticator` and `supabase_storage_admin`, who share its password. */
  databaseUrl: string;
  /** Where Storage keeps the bytes. */
  storageDirectory: string;
  port?: number;
  /** Signs the legacy keys and the users' tokens; by default random. */
  jwtSecret?: string;
}

function poolAs(user: string, databaseUrl: string): pg.Pool {
  const url = new URL(databaseUrl);
  url.username = user;
  const pool = new pg.Pool({ connectionString: url.href, max: 20 });
  // A connection that the database closes, idle or in use, must not end the process; the next query opens another.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

const crossOrigin = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-expose-headers': 'content-range, content-length, etag',
};

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else if (error instanceof HttpError) sendJson(response, error.status, error.body);
  else {
    // A database that is down is not the gateway's own defect.
    if (!(error instanceof pg.DatabaseError)) console.error('local gateway:', error);
    sendJson(response, 500, { message: 'Internal server error' });
  }
}

/** Serves the REST and Storage routes that supabase-js uses, from a database and a folder. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  await mkdir(options.storageDirectory, { recursive: true });
  const ring = new KeyRing(options.jwtSecret);
  const restPool = poolAs('authenticator', options.databaseUrl);
  const storagePool = poolAs('supabase_storage_admin', options.databaseUrl);
  const store = { pool: storagePool, directory: options.storageDirectory };
  const nobody: Caller = { role: 'anon', claims: { role: 'anon' } };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams: parameters } = new URL(request.url ?? '/', 'http://localhost');
    const [, service, path = ''] = /^\/(rest|storage)\/v1\/(.*)$/.exec(pathname) ?? [];
    if (request.method === 'OPTIONS') {
      const asked = request.headers['access-control-request-headers'];
      if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
      response.writeHead(204).end();
    } else if (service === 'rest') {
      const caller = ring.identify(request.headers);
      const name = decodeURIComponent(path);
      await serveRest(restPool, caller, request, response, name, parameters);
    } else if (service === 'storage') {
      const isPublic = /^object\/(info\/)?public\//.test(path);
      const caller = isPublic ? nobody : ring.identify(request.headers);
      await serveStorage(store, { caller, request, response, path, parameters });
    } else {
      throw new HttpError(404, { message: 'no Route matched with those values' });
    }
  };

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(crossOrigin)) response.setHeader(name, value);
    route(request, response).catch((error) => sendError(response, error));
  });
  // An upload may take longer than the five minutes of Node's default.
  server.requestTimeout = 0;
  await new Promise<void>((ready, failed) => {
    server.once('error', failed).listen(options.port ?? 0, '127.0.0.1', ready);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    keys: ring.keys,
    userToken: (userId) => ring.userToken(userId),
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await Promise.all([restPool.end(), storagePool.end()]);
    },
  };
}
