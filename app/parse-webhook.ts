import * as z from 'zod';
import { TrackWebhook, webhookTrackId } from '../core/webhook.ts';

export type ParsedWebhook =
  | { outcome: 'track'; trackId: string }
  /** Well-formed, but none of our business. */
  | { outcome: 'ignored'; reason: 'unknown_event_type' | 'other_table' }
  | { outcome: 'malformed'; problem: string };

const Envelope = z.object({ type: z.string(), table: z.string(), schema: z.string() });
const knownTypes = ['INSERT', 'UPDATE', 'DELETE'];

/** Reads which track an authentic webhook is about. */
export function parseWebhook(body: string): ParsedWebhook {
  const value = parseJson(body);
  if (value === undefined) return { outcome: 'malformed', problem: 'The body is not JSON' };
  const envelope = Envelope.safeParse(value);
  if (!envelope.success) return malformed(envelope.error);
  const { type, table, schema } = envelope.data;
  if (!knownTypes.includes(type)) return { outcome: 'ignored', reason: 'unknown_event_type' };
  if (schema !== 'public' || table !== 'tracks')
    return { outcome: 'ignored', reason: 'other_table' };
  const webhook = TrackWebhook.safeParse(value);
  if (!webhook.success) return malformed(webhook.error);
  return { outcome: 'track', trackId: webhookTrackId(webhook.data) };
}

/** Names the fields that are wrong, never their values. */
const malformed = (error: z.ZodError): ParsedWebhook => ({
  outcome: 'malformed',
  problem: error.issues
    .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
    .join('; '),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
