import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { type Gateway, startGateway } from '../../../local/supabase/gateway.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

export interface TestGateway {
  db: TestDatabase;
  gateway: Gateway;
  storageDirectory: string;
  /** supabase-js with the given API key, or as the user of `token`. */
  client(key: string, token?: string): SupabaseClient;
}

export function clientFor(url: string, key: string, token?: string): SupabaseClient {
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  if (token === undefined) return createClient(url, key, options);
  return createClient(url, key, {
    ...options,
    global: { headers: { authorization: `Bearer ${token}` } },
  });
}

/** A gateway on a database of its own, after `sql` has been run there as `postgres`. */
export async function testGateway(context: Cleanup, sql: string): Promise<TestGateway> {
  const db = await testDatabase(context, { migrated: false });
  await db.query(sql);
  const storageDirectory = await mkdtemp(join(tmpdir(), 'track-archiver-storage-'));
  const gateway = await startGateway({ databaseUrl: db.url, storageDirectory });
  context.onTestFinished(async () => {
    await gateway.stop();
    await rm(storageDirectory, { recursive: true, force: true });
  });
  const client: TestGateway['client'] = (key, token) => clientFor(gateway.url, key, token);
  return { db, gateway, storageDirectory, client };
}
