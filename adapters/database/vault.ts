import type { Database } from './connection.ts';

/** What the webhook trigger reads, by their names in Vault. */
export const vaultNames = {
  url: 'track_archiver_webhook_url',
  secret: 'track_archiver_webhook_secret',
} as const;

export interface WebhookSettings {
  url: string | undefined;
  /** One or, during a rotation, several, separated by spaces. */
  secret: string | undefined;
}

/** Rejects where Vault is not there. */
export async function readWebhookSettings(database: Database): Promise<WebhookSettings> {
  const { rows } = await database.query<{ name: string; value: string }>(
    'select name, decrypted_secret as value from vault.decrypted_secrets where name = any ($1)',
    [Object.values(vaultNames)],
  );
  const value = (name: string) => rows.find((row) => row.name === name)?.value.trim() || undefined;
  return { url: value(vaultNames.url), secret: value(vaultNames.secret) };
}

/** Makes `value` the secret of this name, whether it was there before or not. */
export async function putVaultSecret(
  database: Database,
  name: string,
  value: string,
): Promise<void> {
  const { rows } = await database.query<{ id: string }>(
    'select id from vault.secrets where name = $1',
    [name],
  );
  const id = rows[0]?.id;
  if (id === undefined) await database.query('select vault.create_secret($1, $2)', [value, name]);
  else await database.query('select vault.update_secret($1, $2)', [id, value]);
}
