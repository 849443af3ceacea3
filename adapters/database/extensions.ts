import type { Database } from './connection.ts';

/** What the product calls that Supabase provides as extensions. */
const needed = {
  pg_net: 'net.http_post(text,jsonb,jsonb,jsonb,integer)',
  supabase_vault: 'vault.create_secret(text,text,text,uuid)',
} as const;
export type Extension = keyof typeof needed;

export interface ExtensionState {
  name: Extension;
  isThere: boolean;
  /** The server has it, so that `enableExtension` can work. */
  isAvailable: boolean;
}

/** Decided by the function that is called, not by the catalogue of extensions. */
export async function readExtensions(database: Database): Promise<ExtensionState[]> {
  const { rows } = await database.query<ExtensionState>(
    `select e.name, to_regprocedure(e.function) is not null as "isThere",
       exists (select from pg_catalog.pg_available_extensions as a where a.name = e.name) as "isAvailable"
     from unnest($1::text[], $2::text[]) as e (name, function)`,
    [Object.keys(needed), Object.values(needed)],
  );
  return rows;
}

export async function enableExtension(database: Database, name: Extension): Promise<void> {
  await database.query(`create extension if not exists ${name} cascade`);
}
