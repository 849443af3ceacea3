import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

const directory = join(import.meta.dirname, '../../migrations');

export interface Migration {
  /** `<version>_<name>.sql`. */
  file: string;
  version: string;
  name: string;
}

/** The product's migrations in the order in which they apply. */
export function listMigrations(): Migration[] {
  return readdirSync(directory)
    .sort()
    .flatMap((file) => {
      const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      return version === undefined || name === undefined ? [] : [{ file, version, name }];
    });
}

/** A key of our own for advisory locks: of two that migrate at once, one waits for the other. */
const migrationLock = 7_226_031_144;
/** Where the Supabase CLI keeps its record, so that `supabase db push` and we agree. */
const record = 'supabase_migrations.schema_migrations';

/** What the database has not had yet; changes nothing. */
export async function pendingMigrations(client: pg.ClientBase): Promise<Migration[]> {
  const { rows: found } = await client.query<{ found: boolean }>(
    'select to_regclass($1) is not null as found',
    [record],
  );
  if (found[0]?.found !== true) return listMigrations();
  const { rows } = await client.query<{ version: string }>(`select version from ${record}`);
  const applied = new Set(rows.map((row) => row.version));
  return listMigrations().filter(({ version }) => !applied.has(version));
}

/**
 * Applies one migration in a transaction, with its record, unless it was applied meanwhile: then it
 * returns false. The client should be the role `postgres`. The lock is the transaction's, so that it
 * also holds behind a pooler that hands out connections by the transaction.
 */
export async function applyMigration(
  client: pg.ClientBase,
  { file, version, name }: Migration,
): Promise<boolean> {
  const sql = readFileSync(join(directory, file), 'utf8');
  try {
    await client.query('begin');
    await client.query('set local statement_timeout = 0');
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await client.query(`create schema if not exists supabase_migrations;
      create table if not exists ${record} (version text primary key, statements text[], name text)`);
    const known = await client.query(`select from ${record} where version = $1`, [version]);
    if (known.rowCount === 0) {
      await client.query(sql);
      await client.query(`insert into ${record} (version, statements, name) values ($1, $2, $3)`, [
        version,
        [sql],
        name,
      ]);
    }
    await client.query('commit');
    return known.rowCount === 0;
  } catch (cause) {
    await client.query('rollback');
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const line = sql.slice(0, Number(cause.position ?? 0)).split('\n').length;
    throw new Error(`${file}:${line}: ${cause.message}`, { cause });
  }
}
