import type { TestDatabase } from '../support/database.ts';
import { onConnection } from './app.ts';

export const webhookUrl = 'https://enqueue.example/hook';
export const webhookSecret = `whsec_${Buffer.from('a secret of the tests, long enough').toString('base64')}`;

/** Puts the webhook's address and secrets into Vault, as the operator does. */
export async function configureWebhook(db: TestDatabase, secrets = webhookSecret): Promise<void> {
  await db.query("select vault.create_secret($1, 'track_archiver_webhook_url')", [webhookUrl]);
  await db.query("select vault.create_secret($1, 'track_archiver_webhook_secret')", [secrets]);
}

export interface SentWebhook {
  url: string;
  method: string;
  headers: Record<string, string>;
  /** The exact text that pg_net sends. */
  text: string;
  timeout: number;
}

/** Takes what is queued for sending, oldest first. */
export async function sentWebhooks(db: TestDatabase): Promise<SentWebhook[]> {
  return (await db.query(`with taken as (delete from net.http_request_queue returning *)
    select url, method, headers, convert_from(body, 'UTF8') as text, timeout_milliseconds as timeout
    from taken order by id`)) as SentWebhook[];
}

/** The notices and warnings that PostgreSQL sends while `run` works on a connection of its own. */
export async function warningsOf(
  db: TestDatabase,
  sql: string,
  values?: unknown[],
): Promise<string[]> {
  const found: string[] = [];
  await onConnection(db, (client) => {
    client.on('notice', (notice) => found.push(notice.message ?? ''));
    return client.query(sql, values);
  });
  return found;
}
