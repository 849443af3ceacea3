import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from '../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

/** The places from which a project may start with the archiver. */
export const starts = {
  'an empty project': [],
  'an app that is full': ['existing-app', 'existing-app-rows'],
  'an app with the legacy system': ['existing-app', 'legacy-system'],
} as const;
export type Start = keyof typeof starts;

/** A database before our migrations, as one of the `starts`. */
export async function startingDatabase(context: Cleanup, start: Start): Promise<TestDatabase> {
  const db = await testDatabase(context, { migrated: false });
  for (const name of starts[start]) {
    await db.query(readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8'));
  }
  return db;
}

export const migrationPath = (file: string): string =>
  join(import.meta.dirname, '../../migrations', file);

export const migrationVersion = (file: string): string => file.split('_')[0] ?? '';
