import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../clock.ts';
import { AwsError } from './aws-error.ts';
import { readBody } from './http-body.ts';
import type { Queue } from './queue.ts';
import { validation } from './schedule-request.ts';
import { Scheduler } from './scheduler.ts';
import { callSecrets } from './secrets.ts';
import { Sqs } from './sqs.ts';

export interface AwsEndpoint {
  /** For AWS_ENDPOINT_URL. */
  url: string;
  /** The queue of this name, for looking into it without the wire. */
  queue(name: string): Queue | undefined;
  /** Loses everything but the secrets: queues with their messages, schedules with their groups. */
  wipe(): void;
  stop(): Promise<void>;
}

/** More than the largest batch with every byte escaped. */
const largestBody = 8 * 1024 * 1024;

/**
 * One HTTP endpoint for SQS (JSON protocol), EventBridge Scheduler (REST) and Secrets Manager
 * (GetSecretValue), for AWS SDK clients. State is in memory; signatures are not checked.
 * `secrets` maps secret names to their values and is read at every request.
 */
export async function startAwsEndpoint(options: {
  clock: Clock;
  port?: number;
  secrets: Record<string, string>;
}): Promise<AwsEndpoint> {
  const { clock, secrets } = options;
  const sqs = new Sqs(clock, () => url);
  const scheduler = new Scheduler(clock, (arn) => sqs.byArn(arn));

  async function answer(request: IncomingMessage, signal: AbortSignal): Promise<unknown> {
    const text = (await readBody(request, largestBody))?.toString();
    if (text === undefined) throw new AwsError('RequestEntityTooLarge', 'Body too large.', 413);
    const body = parseBody(text);
    const target = String(request.headers['x-amz-target'] ?? '');
    const [service, action = ''] = target.split('.');
    if (service === 'AmazonSQS') return sqs.call(action, body, signal);
    if (service === 'secretsmanager') return callSecrets(secrets, action, body);
    if (target === '') return callScheduler(scheduler, request, body);
    throw new AwsError('UnknownOperationException', `No such service here: ${target}.`, 404);
  }

  const server = createServer((request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    answer(request, gone.signal).then(
      (result) => reply(request, response, clock, 200, result),
      (error) => {
        const known = error instanceof AwsError ? error : internal(error);
        response.setHeader('x-amzn-errortype', known.code);
        response.setHeader('x-amzn-query-error', `${known.queryCode};Sender`);
        const body = { __type: known.code, message: known.message };
        reply(request, response, clock, known.status, body);
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    queue: (name) => sqs.byName(name),
    wipe() {
      sqs.wipe();
      scheduler.wipe();
    },
    stop() {
      sqs.wipe();
      scheduler.wipe();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function internal(error: unknown): AwsError {
  console.error(error);
  return new AwsError('InternalFailure', 'The local endpoint failed.', 500);
}

function parseBody(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw new AwsError('SerializationException', 'The body is not JSON.');
  }
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  clock: Clock,
  status: number,
  body: unknown,
): void {
  response.writeHead(status, {
    'content-type': request.headers['content-type'] ?? 'application/json',
    /** The SDK corrects its own clock by this header. */
    date: new Date(clock.now()).toUTCString(),
  });
  response.end(JSON.stringify(body));
}

function callScheduler(scheduler: Scheduler, request: IncomingMessage, body: unknown): unknown {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://local');
  const [, kind, name = ''] = pathname.split('/');
  const query = (key: string) => searchParams.get(key) ?? undefined;
  switch (`${request.method} ${kind}${name === '' ? '' : '/name'}`) {
    case 'POST schedule-groups/name':
      return scheduler.createGroup(name);
    case 'GET schedule-groups/name':
      return scheduler.getGroup(name);
    case 'DELETE schedule-groups/name':
      return scheduler.deleteGroup(name);
    case 'GET schedule-groups':
      return scheduler.listGroups(query('NamePrefix') ?? '');
    case 'POST schedules/name':
      return scheduler.create(name, body);
    case 'PUT schedules/name':
      return scheduler.update(name, body);
    case 'GET schedules/name':
      return scheduler.get(query('groupName') ?? 'default', name);
    case 'DELETE schedules/name':
      return scheduler.delete(query('groupName') ?? 'default', name);
    case 'GET schedules': {
      const max = Number(query('MaxResults') ?? 100);
      if (!(max >= 1 && max <= 100)) throw validation('MaxResults must be between 1 and 100.');
      return scheduler.list({
        max,
        group: query('ScheduleGroup'),
        prefix: query('NamePrefix'),
        token: query('NextToken'),
      });
    }
    default:
      throw new AwsError('UnknownOperationException', 'No such operation here.', 404);
  }
}
