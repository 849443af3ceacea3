import { Webhook } from 'standardwebhooks';
import { constantTimeEqual } from '../core/constant-time-equal.ts';
import { timings } from '../core/timings.ts';

/** A webhook as it came: header names in lower case, the body as the exact text that was sent. */
export interface RawWebhook {
  headers: Record<string, string | undefined>;
  body: string;
}

/** For webhooks made in the Supabase dashboard, which cannot sign: one of the secrets, as it is. */
const sharedSecretHeader = 'x-webhook-secret';

const prefix = 'whsec_';

/** Of one webhook: each costs a hash a secret. */
const maxSignatures = 16;

/** Whether a webhook carries anything to verify; one that does not is refused without reading a secret. */
export const hasCredentials = ({ headers }: RawWebhook): boolean =>
  Boolean(headers['webhook-signature'] || headers[sharedSecretHeader]);

/**
 * Whether a webhook comes from somebody who knows one of `secrets`: by a Standard Webhooks signature
 * that is at most an hour old (pg_net may be late; the operation is idempotent), or by the secret
 * itself in the header `x-webhook-secret`. Constant time in the secrets.
 */
export function isAuthentic(webhook: RawWebhook, secrets: readonly string[], now: Date): boolean {
  const { headers, body } = webhook;
  const shared = headers[sharedSecretHeader];
  if (shared !== undefined && secrets.some((secret) => constantTimeEqual(shared, secret)))
    return true;

  const id = headers['webhook-id'];
  const sent = parseTimestamp(headers['webhook-timestamp']);
  const signatures = headers['webhook-signature']?.split(' ', maxSignatures) ?? [];
  if (!id || sent === undefined) return false;
  if (Math.abs(now.getTime() - sent.getTime()) > timings.webhookTolerance * 1000) return false;
  // The library's own verify() allows five minutes, by the ambient clock: only its sign() is used.
  const expected = secrets.flatMap((secret) => signerOf(secret)?.sign(id, sent, body) ?? []);
  return expected.some((right) => signatures.some((given) => constantTimeEqual(given, right)));
}

/** A secret that is malformed since the last rotation must not refuse what is signed with the other. */
export const isMalformedSecret = (secret: string): boolean =>
  secret.startsWith(prefix) && signerOf(secret) === undefined;

function signerOf(secret: string): Webhook | undefined {
  if (!secret.startsWith(prefix)) return undefined;
  try {
    return new Webhook(secret);
  } catch {
    return undefined;
  }
}

function parseTimestamp(value: string | undefined): Date | undefined {
  if (value === undefined || !/^[1-9]\d{0,11}$/.test(value)) return undefined;
  return new Date(Number(value) * 1000);
}
