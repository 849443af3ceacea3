import { applyMigrations, createSupabaseDatabase } from '../postgres/database.ts';
import { startPostgres } from '../postgres/server.ts';
import { startGateway } from '../supabase/gateway.ts';
import { startNetWorker } from '../supabase/net-worker.ts';
import type { Given } from './given.ts';

/** URLs of one migrated database: as role `postgres`, as the superuser, and as the API's `authenticator`. */
export interface DatabaseUrls {
  url: string;
  adminUrl: string;
  apiUrl: string;
}

export interface Supabase {
  url: string;
  databaseUrl: string;
  secretKey: string;
  /** Absent for a given project. */
  publishableKey: string | undefined;
  /** No webhook is under way; a given project does not show it. */
  idle(): boolean;
  stop(): Promise<void>;
}

export const givenSupabase = (given: NonNullable<Given['supabase']>): Supabase => ({
  ...given,
  publishableKey: undefined,
  idle: () => true,
  stop: async () => {},
});

/** Gateway and net worker over `urls`, or over a fresh Postgres of their own. Objects go to `storageDirectory`. */
export async function startSupabase(
  storageDirectory: string,
  urls: DatabaseUrls | undefined,
): Promise<Supabase> {
  await using started = new AsyncDisposableStack();
  const database = urls ?? (await startDatabase(started));
  const gateway = await startGateway({ databaseUrl: database.apiUrl, storageDirectory });
  started.defer(gateway.stop);
  const netWorker = await startNetWorker({ databaseUrl: database.adminUrl });
  started.defer(netWorker.stop);
  const running = started.move();
  return {
    url: gateway.url,
    databaseUrl: database.url,
    secretKey: gateway.keys.secret,
    publishableKey: gateway.keys.publishable,
    idle: netWorker.idle,
    stop: () => running.disposeAsync(),
  };
}

async function startDatabase(started: AsyncDisposableStack): Promise<DatabaseUrls> {
  const postgres = await startPostgres();
  started.defer(postgres.stop);
  const name = 'track_archiver';
  const url = await createSupabaseDatabase(postgres, name);
  await applyMigrations(url);
  return {
    url,
    adminUrl: postgres.url(name),
    apiUrl: postgres.url(name, 'authenticator'),
  };
}
