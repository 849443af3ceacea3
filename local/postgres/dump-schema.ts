import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { applyMigrations, createSupabaseDatabase } from './database.ts';
import { startPostgres } from './server.ts';

/** Where the dump is kept; a test holds it to the migrations. */
export const schemaFile = join(import.meta.dirname, '../../migrations/schema.sql');

const header = `-- What the migrations make of an empty project: schemas public and archiver, and of storage the policies
-- and the buckets. Written by \`npm run schema\`; for reading and comparing, never applied.`;

/** The schema of a migrated database as SQL text: the same for the same migrations, on any machine. */
export async function dumpSchema(url: string): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("set search_path to ''");
    const query = readFileSync(join(import.meta.dirname, 'sql/schema-dump.sql'), 'utf8');
    const { rows } = await client.query<{ statement: string }>(query);
    const statements = rows.map(({ statement }) => statement.replace(/[ \t]+$/gm, '').trim());
    return `${[header, ...statements].join('\n\n')}\n`;
  } finally {
    await client.end();
  }
}

if (import.meta.main) {
  const postgres = await startPostgres();
  try {
    const url = await createSupabaseDatabase(postgres, 'dump');
    await applyMigrations(url);
    writeFileSync(schemaFile, await dumpSchema(url));
  } finally {
    await postgres.stop();
  }
}
