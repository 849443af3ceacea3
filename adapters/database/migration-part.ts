import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listMigrations, migrationsDirectory } from './migrations.ts';

/**
 * What stands in one of our migrations between two texts, without them: what the migration and a check before the
 * installation both need is written once. Throws where the migration was edited so that they are not there.
 */
export function migrationPart(name: string, after: string, before: string): string {
  const migration = listMigrations().find((each) => each.name === name);
  if (migration === undefined) throw new Error(`There is no migration ${name}`);
  const sql = readFileSync(join(migrationsDirectory, migration.file), 'utf8');
  const start = sql.indexOf(after);
  const end = sql.indexOf(before, start + after.length);
  if (start < 0 || end < 0)
    throw new Error(`${migration.file} has no longer: ${after} … ${before}`);
  return sql.slice(start + after.length, end);
}
