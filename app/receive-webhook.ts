import { type Telemetry, withLogFields } from '../adapters/telemetry.ts';
import type { EndpointRequest, EndpointResponse } from './endpoint.ts';
import { type EnqueueDependencies, enqueueTrack } from './enqueue-track.ts';
import { parseWebhook } from './parse-webhook.ts';
import { hasCredentials, isAuthentic, isMalformedSecret } from './verify-webhook.ts';

export interface ReceiveWebhookDependencies extends Omit<EnqueueDependencies, 'tracks'> {
  readWebhookSecrets: () => Promise<readonly string[]>;
  tracks: () => Promise<EnqueueDependencies['tracks']>;
  telemetry: Telemetry;
}

/** Responds to one webhook. Before it has proved to be authentic, neither database nor queue nor scheduler is asked. */
export async function receiveWebhook(
  { headers, body }: Omit<EndpointRequest, 'method'>,
  dependencies: ReceiveWebhookDependencies,
): Promise<EndpointResponse> {
  const { telemetry, now } = dependencies;
  const refuse = (status: number, error: string): EndpointResponse => {
    telemetry.log.warn('Webhook refused', { status, error });
    telemetry.count('WebhooksRefused');
    return { status, body: { error } };
  };

  if (body === undefined) return refuse(413, 'The body is too large');
  const webhook = { headers, body };
  if (!hasCredentials(webhook)) return refuse(401, 'The webhook is not signed');
  try {
    const secrets = await dependencies.readWebhookSecrets();
    if (secrets.some(isMalformedSecret)) {
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
      return { status: 200, body: { action: 'ignored', reason: parsed.reason } };
    }
    return await withLogFields({ trackId: parsed.trackId }, async () => {
      const tracks = await dependencies.tracks();
      const result = await enqueueTrack(parsed.trackId, { ...dependencies, tracks });
      telemetry.log.info('Webhook answered', { ...result });
      if (result.action.endsWith('scheduled')) telemetry.count('TracksScheduled');
      return { status: 200, body: result };
    });
  } catch (error) {
    telemetry.log.error('Webhook failed', { error });
    telemetry.count('WebhooksFailed');
    return {
      status: 500,
      body: { error: 'The webhook could not be handled; the sweep will find the track' },
    };
  }
}
