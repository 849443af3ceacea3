import type { LambdaFunctionURLResult } from 'aws-lambda';
import { type Telemetry, withLogFields } from '../../adapters/telemetry.ts';
import { maxWebhookBytes } from '../../core/timings.ts';
import { bodyOf, headersOf, respond, type UrlEvent } from '../function-url.ts';
import type { EnqueueResult } from './enqueue.ts';
import { parseWebhook } from './parse.ts';
import { hasCredentials, isAuthentic, isMistyped } from './verify.ts';

export interface ReceiveDependencies {
  readWebhookSecrets: () => Promise<readonly string[]>;
  enqueue: (trackId: string) => Promise<EnqueueResult>;
  telemetry: Telemetry;
  now: () => Date;
}

/** Answers one webhook. Before it has proved to be authentic, neither database nor queue nor scheduler is asked. */
export async function receiveWebhook(
  event: UrlEvent,
  dependencies: ReceiveDependencies,
): Promise<LambdaFunctionURLResult> {
  const { telemetry, now } = dependencies;
  const refuse = (status: number, error: string) => {
    telemetry.log.warn('Webhook refused', { status, error });
    telemetry.count('WebhooksRefused');
    return respond(status, { error });
  };

  const body = bodyOf(event, maxWebhookBytes);
  if (body === undefined) return refuse(413, 'The body is too large');
  const webhook = { headers: headersOf(event), body };
  if (!hasCredentials(webhook)) return refuse(401, 'The webhook is not signed');
  try {
    const secrets = await dependencies.readWebhookSecrets();
    if (secrets.some(isMistyped)) {
      telemetry.log.error(
        'A webhook secret is not base64 after whsec_: nothing signed with it is accepted',
      );
    }
    if (!isAuthentic(webhook, secrets, now())) {
      return refuse(
        401,
        'The signature is not valid, or its timestamp is over an hour away from now',
      );
    }
    const parsed = parseWebhook(body);
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
