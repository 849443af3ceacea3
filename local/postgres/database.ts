import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  applyMigration,
  listMigrations,
  pendingMigrations,
} from '../../adapters/database/migrations.ts';
import type { Cluster } from './cluster.ts';

const sqlDirectory = join(import.meta.dirname, 'sql');
const readSql = (name: string): string => readFileSync(join(sqlDirectory, `${name}.sql`), 'utf8');

async function withClient<Result>(
  url: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Creates what is missing of Supabase's roles and gives each that may log in the cluster's password. */
export async function createRoles(cluster: Cluster): Promise<void> {
  const password = pg.escapeLiteral(cluster.password);
  await withClient(cluster.url('template1'), (client) =>
    client.query(readSql('roles').replaceAll('$password', () => password)),
  );
}

/** Makes `name` an empty Supabase project: auth, storage, net, vault, extensions. Resolves to its URL as `postgres`. */
export async function createSupabaseDatabase(cluster: Cluster, name: string): Promise<string> {
  await withClient(cluster.url('template1'), (client) =>
    client.query(`create database ${pg.escapeIdentifier(name)} owner postgres template template0`),
  );
  await withClient(cluster.url(name), async (client) => {
    const files = ['platform', 'storage', 'net', 'vault'];
    await client.query(`begin;\n${files.map(readSql).join('\n')}\ncommit;`);
  });
  return cluster.url(name, 'postgres');
}

/** The file names of the product's migrations, in the order in which they apply. */
export const migrationFiles = (): string[] => listMigrations().map(({ file }) => file);

/**
 * Applies the migrations that the database has not had yet. `url` should be that of the role
 * `postgres`. `upTo` (a version) stops early.
 */
export async function applyMigrations(url: string, upTo?: string): Promise<void> {
  await withClient(url, async (client) => {
    for (const migration of await pendingMigrations(client)) {
      if (upTo === undefined || migration.version <= upTo) await applyMigration(client, migration);
    }
  });
}
