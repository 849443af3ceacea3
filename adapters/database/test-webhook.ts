import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from './connection.ts';
import { vaultNames } from './vault.ts';

/** What came back, as pg_net recorded it. */
export interface WebhookResponse {
  status: number | undefined;
  content: string;
  /** Undefined where there was a response. */
  error: string | undefined;
}

/** Milliseconds that pg_net waits; longer than the trigger's five seconds, to distinguish slow from dead. */
const patience = 10_000;

/**
 * Sends what the trigger would send for a track that does not exist: signed in the database with
 * Vault's secret, by pg_net to Vault's address. Resolves once pg_net has recorded the outcome.
 */
export async function sendTestWebhook(database: Database): Promise<WebhookResponse> {
  const { rows } = await database.query<{ id: string; sent: Date }>(
    `select net.http_post(
       url := m.url,
       body := m.body,
       headers := jsonb_build_object(
         'Content-Type', 'application/json',
         'webhook-id', m.id,
         'webhook-timestamp', m.at,
         'webhook-signature',
           archiver.webhook_signatures(m.id || '.' || m.at || '.' || m.body::text, m.secret)),
       timeout_milliseconds := $1)::text as id, clock_timestamp() as sent
     from (
       select 'msg_' || $2::text as id,
         floor(extract(epoch from archiver.clock()))::bigint::text as at,
         jsonb_build_object('type', 'DELETE', 'table', 'tracks', 'schema', 'public',
           'record', null, 'old_record', jsonb_build_object('id', $2::text)) as body,
         max(s.decrypted_secret) filter (where s.name = $3) as url,
         max(s.decrypted_secret) filter (where s.name = $4) as secret
       from vault.decrypted_secrets as s
     ) as m`,
    [patience, randomUUID(), vaultNames.url, vaultNames.secret],
  );
  const { id, sent } = rows[0] ?? {};
  const end = performance.now() + patience + 5000;
  while (performance.now() < end) {
    // After a crash pg_net counts from one again, so an old response may have the same id.
    const { rows: responses } = await database.query<{
      status_code: number | null;
      content: string | null;
      error_msg: string | null;
      timed_out: boolean | null;
    }>(
      `select status_code, content, error_msg, timed_out from net._http_response
       where id = $1 and created > $2::timestamptz - interval '1 second'`,
      [id, sent],
    );
    const [response] = responses;
    if (response !== undefined) {
      const { status_code: status, content, error_msg: message, timed_out: timedOut } = response;
      return {
        status: status ?? undefined,
        content: content ?? '',
        error: status === null ? (message ?? (timedOut ? 'timed out' : 'no response')) : undefined,
      };
    }
    await wait(100);
  }
  return {
    status: undefined,
    content: '',
    error: "pg_net recorded no outcome: is its worker running ('select net.worker_restart()')?",
  };
}
