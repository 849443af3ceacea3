import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

export const migrationsDirectory = join(import.meta.dirname, '../../migrations');

export interface Migration {
  /** `<version>_<name>.sql`. */
  file: string;
  version: string;
  name: string;
}

/** The product's migrations in the order in which they apply. */
export function listMigrations(): Migration[] {
  return readdirSync(migrationsDirectory)
    .sort()
    .flatMap((file) => {
      const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      return version === undefined || name === undefined ? [] : [{ file, version, name }];
    });
}

/** A key of our own for advisory locks: of two that migrate at once, one waits for the other. */
const migrationLock = 7_226_031_144;
/**
 * Our own record, not the Supabase CLI's: `supabase db push` refuses where its record has versions that the
 * local folder lacks, and an app's folder lacks ours.
 */
const record = 'archiver.migrations';
/** Where `supabase db push` from our folder writes what it applied. */
const cliRecord = 'supabase_migrations.schema_migrations';

/** What the database has not had yet, by whichever way; changes nothing. */
export async function pendingMigrations(client: pg.ClientBase): Promise<Migration[]> {
  const { rows: found } = await client.query<{ table: string }>(
    'select r as table from unnest($1::text[]) as r where to_regclass(r) is not null',
    [[record, cliRecord]],
  );
  const applied = new Set<string>();
  for (const { table } of found) {
    // The name too: the version alone may be that of a migration of the app's. An old CLI wrote none.
    const { rows } = await client.query<{ file: string }>(
      `select concat(r.version, '_', to_jsonb(r) ->> 'name', '.sql') as file from ${table} as r`,
    );
    for (const { file } of rows) applied.add(file);
  }
  return listMigrations().filter(({ file }) => !applied.has(file));
}

/** Tries for a lock, a pause apart, in which what waited behind it goes on. */
const lockTries = 60;
const lockPause = 1000;

/**
 * Applies one migration, in short tries where the app holds what it locks: while a migration waits for its lock, the
 * app's own statements wait behind it. False: it was applied meanwhile. Gives up after some minute.
 */
export async function applyMigration(
  client: pg.ClientBase,
  migration: Migration,
  pause = lockPause,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryMigration(client, migration);
    } catch (error) {
      if (!isLockMissing(error) || tries === lockTries) throw error;
      await wait(pause);
    }
  }
}

const isLockMissing = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof pg.DatabaseError && error.cause.code === '55P03';

/**
 * Applies one migration in a transaction, with its record, unless it was applied meanwhile: then it
 * returns false. The client should be the role `postgres`. The lock is the transaction's, so that it
 * also holds behind a pooler that hands out connections by the transaction.
 */
async function tryMigration(
  client: pg.ClientBase,
  { file, version, name }: Migration,
): Promise<boolean> {
  const sql = readFileSync(join(migrationsDirectory, file), 'utf8');
  try {
    await client.query('begin');
    await client.query('set local statement_timeout = 0');
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    const isPending = (await pendingMigrations(client)).some((each) => each.file === file);
    if (isPending) {
      await client.query(`create schema if not exists archiver;
        create table if not exists ${record} (version text primary key, name text not null,
          applied_at timestamptz not null default now());
        alter table ${record} enable row level security`);
      await client.query(sql);
      await client.query(
        `insert into ${record} (version, name) values ($1, $2)
         on conflict (version) do update set name = excluded.name, applied_at = excluded.applied_at`,
        [version, name],
      );
    }
    await client.query('commit');
    return isPending;
  } catch (cause) {
    await client.query('rollback');
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const line = sql.slice(0, Number(cause.position ?? 0)).split('\n').length;
    throw new Error(`${file}:${line}: ${cause.message}`, { cause });
  }
}
