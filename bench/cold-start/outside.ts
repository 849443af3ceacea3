import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { makeCertificate } from '../../local/provider/certificate.ts';

const webhookSecret = `whsec_${Buffer.from('cold start, twenty-four b').toString('base64')}`;
const day = 86_400_000;

/**
 * AWS and Supabase as the enqueue Lambda meets them, over TLS, answering at once what they answer on a good day.
 * They run in the parent's process, so that their work is not counted.
 */
export interface Outside {
  /** What the Lambdas need to start and to find it. */
  environment: Record<string, string>;
  /** A webhook, signed now, as its function URL gets it. */
  webhook(): object;
  stop(): void;
}

export async function startOutside(directory: string): Promise<Outside> {
  const { authority, certificate, key } = await makeCertificate(['localhost']);
  const authorityFile = join(directory, 'authority.pem');
  await writeFile(authorityFile, authority);
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const target = String(request.headers['x-amz-target'] ?? request.url);
    const body = answer(target, `https://localhost:${portOf(server)}`);
    request.resume().on('end', () => {
      response.writeHead(body === undefined ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { message: `nobody is known to ask ${target}` }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    environment: environment(`https://localhost:${portOf(server)}`, authorityFile),
    webhook: signedWebhook,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function answer(target: string, url: string): unknown {
  if (target === 'secretsmanager.GetSecretValue') {
    const secret = {
      supabaseUrl: url,
      supabaseKey: 'sb_secret_bench',
      webhookSecrets: [webhookSecret],
    };
    return { Name: 'track-archiver', SecretString: JSON.stringify(secret) };
  }
  if (target.startsWith('/schedules/')) return { ScheduleArn: 'arn:aws:scheduler:::schedule/x' };
  if (target === '/rest/v1/rpc/confirm_track_schedule') return true;
  if (target !== '/rest/v1/rpc/plan_track_archiving') return undefined;
  return [
    {
      action: 'schedule',
      job_id: crypto.randomUUID(),
      due_at: new Date(Date.now() + 13 * day).toISOString(),
      expires_at: new Date(Date.now() + 15 * day).toISOString(),
      scheduled_for: null,
      queued_at: null,
    },
  ];
}

function signedWebhook(): object {
  const record = { id: crypto.randomUUID(), status: 'completed' };
  const body = JSON.stringify({ type: 'INSERT', schema: 'public', table: 'tracks', record });
  const id = `msg_${record.id}`;
  const now = new Date();
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(webhookSecret).sign(id, now, body),
  };
  return { version: '2.0', rawPath: '/', headers, body, isBase64Encoded: false };
}

/** Of all Lambdas together. Nothing else of this process's environment reaches them, no compile cache either. */
const environment = (url: string, authorityFile: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  NODE_EXTRA_CA_CERTS: authorityFile,
  AWS_ENDPOINT_URL: url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  SECRET_ID: 'track-archiver',
  SCHEDULE_GROUP: 'track-archiver',
  SCHEDULE_ROLE_ARN: 'arn:aws:iam::000000000000:role/bench',
  SCHEDULE_DEAD_LETTER_ARN: 'arn:aws:sqs:us-east-1:000000000000:bench',
  ARCHIVE_QUEUE_ARN: 'arn:aws:sqs:us-east-1:000000000000:bench',
  ARCHIVE_QUEUE_URL: `${url}/000000000000/archive`,
  DEAD_LETTER_QUEUE_URL: `${url}/000000000000/dead-letter`,
  ARCHIVE_CONCURRENCY: '5',
});
