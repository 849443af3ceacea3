import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type InterceptingProxy, startInterceptingProxy } from '../../local/intercepting-proxy.ts';
import { applyMigrations, createSupabaseDatabase } from '../../local/postgres/database.ts';
import { type Postgres, startPostgres } from '../../local/postgres/server.ts';
import type { Supabase } from '../../local/stack/supabase.ts';
import { startGatewayProcess } from '../../local/supabase/gateway-process.ts';
import { type NetWorker, startNetWorker } from '../../local/supabase/net-worker.ts';

/** A Supabase whose parts can be killed, behind a proxy that can spoil every request. */
export interface FragileSupabase extends Supabase {
  proxy: InterceptingProxy;
  /** Reaches the gateway without the proxy. */
  gatewayUrl: string;
  crashGateway(): Promise<void>;
  /** Loses what pg_net has not sent, as a crash does; nothing that was committed. */
  crashPostgres(): Promise<void>;
}

const name = 'track_archiver';

export async function startFragileSupabase(
  storageDirectory: string,
  onLog: (line: string) => void,
): Promise<FragileSupabase> {
  await using started = new AsyncDisposableStack();
  const postgres = await startPostgres();
  started.defer(postgres.stop);
  const databaseUrl = await createDatabase(postgres);
  const gateway = await startGatewayProcess({
    databaseUrl: postgres.url(name, 'authenticator'),
    storageDirectory,
    jwtSecret: randomBytes(32).toString('hex'),
    onLog,
  });
  started.defer(gateway.stop);
  const proxy = await startInterceptingProxy(gateway.url);
  started.defer(proxy.stop);
  const startWorker = () => startNetWorker({ databaseUrl: postgres.url(name), onError: onLog });
  let netWorker: NetWorker = await startWorker();
  started.defer(() => netWorker.stop());
  // One at a time: the worker of a database that is down cannot start.
  let crashing = Promise.resolve();

  const running = started.move();
  return {
    url: proxy.url,
    proxy,
    gatewayUrl: gateway.url,
    databaseUrl,
    secretKey: gateway.keys.serviceRole,
    publishableKey: undefined,
    idle: () => netWorker.idle(),
    crashGateway: inTurn(() => gateway.crash()),
    crashPostgres: inTurn(async () => {
      await postgres.crash();
      await netWorker.stop();
      netWorker = await startWorker();
    }),
    stop: () => running.disposeAsync(),
  };

  function inTurn(crash: () => Promise<void>): () => Promise<void> {
    return () => {
      crashing = crashing.then(crash);
      return crashing;
    };
  }
}

async function createDatabase(postgres: Postgres): Promise<string> {
  const databaseUrl = await createSupabaseDatabase(postgres, name);
  await applyMigrations(databaseUrl);
  const client = new pg.Client(postgres.url(name));
  await client.connect();
  // The server is set to forget the last moments before a crash; Supabase's is not.
  await client.query(`alter database ${name} set synchronous_commit = on`);
  await client.end();
  return databaseUrl;
}
