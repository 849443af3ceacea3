import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Clock } from '../clock.ts';
import { AwsError } from './aws-error.ts';
import { startHttpServer } from './http.ts';
import type { Queue } from './queue.ts';
import { createScheduler } from './scheduler.ts';
import { callSecrets } from './secrets.ts';
import { createSqs } from './sqs.ts';

export interface AwsEndpoint {
  /** For AWS_ENDPOINT_URL. */
  url: string;
  /** The queue of this name, for looking into it without the wire. */
  queue(name: string): Queue | undefined;
  /** Loses everything but the secrets: queues with their messages, schedules with their groups. */
  wipe(): void;
  stop(): Promise<void>;
}

/**
 * One HTTP endpoint for SQS (JSON protocol), EventBridge Scheduler (REST) and Secrets Manager, for AWS
 * SDK clients, with the actions and parameters that we use; any other is refused by name. State is in
 * memory; signatures are not checked. `secrets` maps secret names to their values and is read at every
 * request.
 */
export async function startAwsEndpoint(options: {
  clock: Clock;
  port?: number;
  secrets: Record<string, string>;
}): Promise<AwsEndpoint> {
  const { clock, secrets } = options;
  const sqs = createSqs(clock, () => server.url);
  const scheduler = createScheduler(clock, sqs.byArn);

  async function respond(request: IncomingMessage, signal: AbortSignal): Promise<unknown> {
    const body = Object(JSON.parse((await text(request)) || '{}'));
    const target = String(request.headers['x-amz-target'] ?? '');
    const [service, action = ''] = target.split('.');
    if (service === 'AmazonSQS') return (await sqs.call(action, body, signal)) ?? {};
    if (service === 'secretsmanager') return callSecrets(secrets, action, body);
    if (target === '') return scheduler.call(request.method, request.url ?? '/', body);
    throw new AwsError('UnknownOperationException', `No such service here: ${target}.`, 404);
  }

  const server = await startHttpServer(async (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.setHeader('content-type', 'application/json');
    try {
      response.end(JSON.stringify(await respond(request, gone.signal)));
    } catch (error) {
      const { code, message, status } = toAwsError(error);
      response.writeHead(status, { 'x-amzn-errortype': code });
      response.end(JSON.stringify({ __type: code, message }));
    }
  }, options.port);

  function wipe(): void {
    sqs.wipe();
    scheduler.wipe();
  }
  return {
    url: server.url,
    queue: (name) => sqs.byName(name),
    wipe,
    stop() {
      wipe();
      return server.stop();
    },
  };
}

function toAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof SyntaxError) return new AwsError('SerializationException', error.message);
  console.error(error);
  return new AwsError('InternalFailure', 'The local endpoint failed.', 500);
}
