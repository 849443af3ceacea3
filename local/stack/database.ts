import pg from 'pg';
import { putVaultSecret, vaultNames } from '../../adapters/database/vault.ts';

/** Makes the database's clock run so many milliseconds ahead of the machine's. */
export async function setDatabaseClock(database: pg.Pool, offset: number): Promise<void> {
  const ahead = pg.escapeLiteral(`${Math.round(offset)} milliseconds`);
  await database.query(
    `create or replace function archiver.clock() returns timestamptz
     language sql stable set search_path = pg_catalog, pg_temp
     as $$ select date_trunc('milliseconds', now()) + interval ${ahead} $$`,
  );
}

/** Refuses a database without our migrations. */
export async function requireMigrated(database: pg.Pool): Promise<void> {
  const { rows } = await database.query<{ found: boolean }>(
    "select to_regclass('public.track_archiving_jobs') is not null as found",
  );
  if (rows[0]?.found !== true) {
    throw new Error(
      'The given Supabase database lacks the track archiver: apply its migrations first (supabase db push).',
    );
  }
}

/** Sets what the webhook trigger reads from Vault, whether it was there before or not. */
export async function setWebhook(database: pg.Pool, url: string, secret: string): Promise<void> {
  await putVaultSecret(database, vaultNames.url, url);
  await putVaultSecret(database, vaultNames.secret, secret);
}

/** Lets the archiver fetch from `host` for tracks of `provider` (a row of the policies; `*` is the default). */
export async function allowHost(database: pg.Pool, provider: string, host: string): Promise<void> {
  await database.query(
    `update public.track_archiving_policies set allowed_hosts = array_append(allowed_hosts, $2)
     where provider = $1 and not ($2 = any (allowed_hosts))`,
    [provider, host],
  );
}

/** Whether pg_net still has something to send. */
export async function hasUnsentWebhooks(database: pg.Pool): Promise<boolean> {
  const { rowCount } = await database.query('select from net.http_request_queue limit 1');
  return rowCount !== 0;
}
