import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

export type Progress = (message: string) => void;

export const readSql = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'sql', `${name}.sql`), 'utf8');

/** Tracks that one statement inserts. */
const batch = 50_000;

/**
 * An app's tables as they are before the archiver comes. `admin` is a superuser: in a transaction that made the
 * table nothing is written to the log, and indexes are made once it is full.
 */
export async function fillApp(admin: pg.Client, tracks: number, progress: Progress): Promise<void> {
  await admin.query(`set bench.tracks = ${tracks}`);
  await admin.query('begin');
  await admin.query('set local role postgres');
  await admin.query(readSql('app'));
  await admin.query('set local role none');
  // Foreign keys are not looked at: what is inserted is right.
  await admin.query('set local session_replication_role = replica');
  const { rows } = await admin.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index where indrelid = 'storage.objects'::regclass and not indisprimary`,
  );
  for (const { name } of rows) await admin.query(`drop index ${name}`);
  const insert = readSql('tracks');
  for (let first = 1; first <= tracks; first += batch) {
    const last = Math.min(tracks, first + batch - 1);
    await admin.query(insert, [first, last]);
    progress(`${last} of ${tracks} tracks`);
  }
  await admin.query('commit');
  await admin.query("set maintenance_work_mem = '1GB'");
  for (const { name, definition } of rows) {
    progress(`index ${name}`);
    await admin.query(definition);
  }
  progress('indexes of the app');
  await admin.query(`begin; set local role postgres; ${readSql('app-indexes')}; commit`);
  await admin.query('vacuum analyze public.tracks');
  await admin.query('vacuum analyze storage.objects');
}

/** As if the archiver had been there for a year. */
export async function fillYear(admin: pg.Client, progress: Progress): Promise<void> {
  progress('a year of jobs and files');
  await admin.query(`begin; ${readSql('year')}; commit`);
  await admin.query('vacuum analyze');
  await admin.query('checkpoint');
}
