import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Cluster } from './cluster.ts';

const sqlDirectory = join(import.meta.dirname, 'sql');
const migrationsDirectory = join(import.meta.dirname, '../../migrations');
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

/** The names of the product's migrations, `<version>_<name>.sql`, in the order in which they apply. */
export function migrationFiles(): string[] {
  return readdirSync(migrationsDirectory)
    .filter((file) => /^\d+_.*\.sql$/.test(file))
    .sort();
}

/** A key of our own for `pg_advisory_lock`: two that migrate at once go one after the other. */
const migrationLock = 7_226_031_144;

/**
 * Applies the migrations that the database has not had yet, each in a transaction, and records them
 * where the Supabase CLI does. `url` should be that of the role `postgres`. `upTo` (a version) stops early.
 */
export async function applyMigrations(url: string, upTo?: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(`create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (
        version text primary key, statements text[], name text)`);
    const { rows } = await client.query<{ version: string }>(
      'select version from supabase_migrations.schema_migrations',
    );
    const applied = new Set(rows.map((row) => row.version));
    for (const file of migrationFiles()) {
      const [, version = '', name = ''] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      if (applied.has(version) || (upTo !== undefined && version > upTo)) continue;
      await applyMigration(client, file, version, name);
    }
  });
}

async function applyMigration(client: pg.Client, file: string, version: string, name: string) {
  const sql = readFileSync(join(migrationsDirectory, file), 'utf8');
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query('insert into supabase_migrations.schema_migrations values ($1, $2, $3)', [
      version,
      [sql],
      name,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const line = sql.slice(0, Number(cause.position ?? 0)).split('\n').length;
    throw new Error(`${file}:${line}: ${cause.message}`, { cause });
  }
}
