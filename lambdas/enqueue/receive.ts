import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { type Telemetry, withLogFields } from '../../adapters/telemetry.ts';
import { maxWebhookBytes } from '../../core/timings.ts';
import type { EnqueueResult } from './enqueue.ts';
import { parseWebhook } from './parse.ts';
import { hasCredentials, isAuthentic, type RawWebhook } from './verify.ts';

export interface ReceiveDependencies {
  readWebhookSecrets: () => Promise<readonly string[]>;
  enqueue: (trackId: string) => Promise<EnqueueResult>;
  telemetry: Telemetry;
  now: () => Date;
}

/** Answers one webhook. Before it has proved to be authentic, neither database nor queue nor scheduler is asked. */
export async function receiveWebhook(
  event: LambdaFunctionURLEvent,
  dependencies: ReceiveDependencies,
): Promise<LambdaFunctionURLResult> {
  const { telemetry, now } = dependencies;
  const refuse = (status: number, error: string) => {
    telemetry.log.warn('Webhook refused', { status, error });
    telemetry.count('WebhooksRefused');
    return respond(status, { error });
  };

  const webhook = rawWebhook(event);
  if (webhook === undefined) return refuse(413, 'The body is too large');
  if (!hasCredentials(webhook)) return refuse(401, 'The webhook is not signed');
  try {
    const secrets = await dependencies.readWebhookSecrets();
    if (!isAuthentic(webhook, secrets, now())) {
      return refuse(
        401,
        'The signature is not valid, or its timestamp is over an hour away from now',
      );
    }
    const parsed = parseWebhook(webhook.body);
    if (parsed.outcome === 'malformed') return refuse(400, parsed.problem);
    telemetry.count('WebhooksAccepted');
    if (parsed.outcome === 'ignored') {
      telemetry.log.info('Webhook ignored', { reason: parsed.reason });
      return respond(200, { action: 'ignored', reason: parsed.reason });
    }
    return await withLogFields({ trackId: parsed.trackId }, async () => {
      const result = await dependencies.enqueue(parsed.trackId);
      telemetry.log.info('Webhook answered', { ...result });
      if (result.action.endsWith('scheduled')) telemetry.count('TracksScheduled');
      return respond(200, result);
    });
  } catch (error) {
    telemetry.log.error('Webhook failed', { error });
    telemetry.count('WebhooksFailed');
    return respond(500, {
      error: 'The webhook could not be handled; the sweep will find the track',
    });
  }
}

/** The body as it was sent; undefined where it is too large. */
function rawWebhook(event: LambdaFunctionURLEvent): RawWebhook | undefined {
  const { body = '', isBase64Encoded } = event;
  // Base64 is four thirds of its content: what is far too large is not even decoded.
  if (body.length > maxWebhookBytes * 1.5) return undefined;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > maxWebhookBytes) return undefined;
  const headers = Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { headers: Object.fromEntries(headers), body: bytes.toString('utf8') };
}

const respond = (statusCode: number, body: object): LambdaFunctionURLResult => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
