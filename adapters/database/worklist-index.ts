import type { Database } from './connection.ts';

/** Of the index that the worklist migration leaves out where `tracks` is large. */
export type WorklistIndex = 'there' | 'missing' | 'being built' | 'invalid';

const index = 'public.tracks_archiving_worklist';

/** `missing` also where there is no table yet: then the migration makes it. */
export async function readWorklistIndex(database: Database): Promise<WorklistIndex> {
  const { rows } = await database.query<{ valid: boolean | null; building: boolean }>(
    `select (select indisvalid from pg_catalog.pg_index where indexrelid = to_regclass($1)) as valid,
       exists (select from pg_catalog.pg_stat_progress_create_index
         where index_relid = to_regclass($1)) as building`,
    [index],
  );
  const { valid, building } = rows[0] ?? { valid: null, building: false };
  if (building) return 'being built';
  if (valid === null) return 'missing';
  return valid ? 'there' : 'invalid';
}

/**
 * Builds the index while the app goes on writing; minutes on millions of rows. An index that an
 * earlier build left unfinished is dropped first. Not in a transaction: Postgres forbids it.
 */
export async function createWorklistIndex(database: Database): Promise<void> {
  await database.query('set statement_timeout = 0');
  if ((await readWorklistIndex(database)) === 'invalid') {
    await database.query(`drop index concurrently if exists ${index}`);
  }
  await database.query(
    `create index concurrently if not exists tracks_archiving_worklist
     on public.tracks (archive_scheduled_at, created_at) include (id)
     where status = 'completed' and archived_to_storage is not true`,
  );
}
