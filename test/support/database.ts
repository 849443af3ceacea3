import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Cluster, clusterOf } from '../../local/postgres/cluster.ts';
import {
  applyMigrations,
  createSupabaseDatabase,
  migrationFiles,
} from '../../local/postgres/database.ts';
import type { Cleanup } from './cleanup.ts';

// biome-ignore lint/suspicious/noExplicitAny: a row's shape is the test's own knowledge.
type Row = any;
export type Query = (sql: string, values?: unknown[]) => Promise<Row[]>;
export type ApiRole = 'anon' | 'authenticated' | 'service_role';

export interface TestDatabase {
  name: string;
  /** As `postgres`, the role of migrations and of the SQL editor: no superuser. */
  url: string;
  /** As the superuser `supabase_admin`. */
  adminUrl: string;
  /** As `authenticator`, which may become anon, authenticated or service_role. */
  apiUrl: string;
  /** Connections as `postgres`. */
  pool: pg.Pool;
  /** Rows of one statement as `postgres`. */
  query: Query;
  /** Runs `use` in one transaction as PostgREST would: role set, claims set; commits unless it throws. */
  as<Result>(
    role: ApiRole,
    claims: Record<string, unknown>,
    use: (query: Query) => Promise<Result>,
  ): Promise<Result>;
  /** `as` for the signed-in user with this id. */
  asUser<Result>(userId: string, use: (query: Query) => Promise<Result>): Promise<Result>;
}

/** The cluster of setup.ts. */
const cluster = (): Cluster => clusterOf(process.env.TEST_POSTGRES_URL ?? '');

async function admin(of: Cluster, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(of.url('postgres'));
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

function templateName(migrated: boolean): string {
  const hash = createHash('sha256');
  const migrations = migrated ? migrationFiles() : [];
  for (const file of migrations) {
    hash.update(file).update(readFileSync(join(import.meta.dirname, '../../migrations', file)));
  }
  return `template_${hash.digest('hex').slice(0, 16)}`;
}

/** Makes the template unless it is there; an advisory lock keeps other test processes waiting. */
async function template(of: Cluster, migrated: boolean): Promise<string> {
  const name = templateName(migrated);
  await admin(of, async (client) => {
    await client.query('select pg_advisory_lock(1)');
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount !== 0) return;
    const building = `building_${randomUUID()}`;
    const url = await createSupabaseDatabase(of, building);
    if (migrated) await applyMigrations(url);
    await client.query(`alter database "${building}" rename to ${name}`);
  });
  return name;
}

const templates = new Map<boolean, Promise<string>>();

function templateOf(of: Cluster, migrated: boolean): Promise<string> {
  const known = templates.get(migrated) ?? template(of, migrated);
  templates.set(migrated, known);
  return known;
}

/**
 * A database of this test's own, dropped after it: a Supabase project with the product's migrations, or with
 * `{ migrated: false }` without them.
 */
export async function testDatabase(
  context: Cleanup,
  options: { migrated?: boolean } = {},
): Promise<TestDatabase> {
  const of = cluster();
  const source = await templateOf(of, options.migrated ?? true);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await admin(of, async (client) => {
    await client.query(`create database ${name} owner postgres template ${source}`);
  });
  const url = of.url(name, 'postgres');
  const apiUrl = of.url(name, 'authenticator');
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const api = new pg.Pool({ connectionString: apiUrl, max: 10 });
  for (const each of [pool, api]) each.on('error', () => {});
  context.onTestFinished(async () => {
    await Promise.all([pool.end(), api.end()]);
    await admin(of, async (client) => {
      await client.query(`drop database if exists ${name} with (force)`);
    });
  });
  const as: TestDatabase['as'] = async (role, claims, use) => {
    const client = await api.connect();
    try {
      await client.query('begin');
      await client.query(`set local role ${role}`);
      await client.query("select set_config('request.jwt.claims', $1, true)", [
        JSON.stringify({ role, ...claims }),
      ]);
      const result = await use(async (sql, values) => (await client.query(sql, values)).rows);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };
  return {
    name,
    url,
    adminUrl: of.url(name),
    apiUrl,
    pool,
    query: async (sql, values) => (await pool.query(sql, values)).rows,
    as,
    asUser: (userId, use) => as('authenticated', { sub: userId }, use),
  };
}
