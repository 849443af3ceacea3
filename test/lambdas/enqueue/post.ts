import { GetScheduleCommand, ListSchedulesCommand } from '@aws-sdk/client-scheduler';
import type { LambdaFunctionURLEvent } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import {
  lambdaContext,
  loadHandler,
  queueName,
  scheduleGroup,
  type World,
  webhookSecrets,
} from '../world.ts';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}
export type Post = (body: string | Buffer, headers: Record<string, string>) => Promise<Answer>;

/** A function URL event, payload format 2.0; a Buffer goes as base64. */
export const functionUrlEvent = (body: string | Buffer, headers: Record<string, string>) =>
  ({
    version: '2.0',
    rawPath: '/',
    headers: { 'content-type': 'application/json', ...headers },
    body: body.toString(typeof body === 'string' ? 'utf8' : 'base64'),
    isBase64Encoded: typeof body !== 'string',
  }) as unknown as LambdaFunctionURLEvent;

/** The enqueue Lambda of a world, with its handler and all of its wiring. */
export async function enqueueLambda(world: World): Promise<Post> {
  type Handler = (event: object, context: object) => Promise<{ statusCode: number; body: string }>;
  const handler = await loadHandler<Handler>('enqueue', world);
  return async (body, headers) => {
    const answer = await handler(functionUrlEvent(body, headers), lambdaContext(10_000));
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  };
}

/** Standard Webhooks headers for a body, signed by somebody else's implementation. */
export function signed(
  body: string,
  options: { secret?: string; at?: Date; id?: string } = {},
): Record<string, string> {
  const { secret = webhookSecrets[0] ?? '', at = new Date(), id = 'msg_1' } = options;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
}

/** Supabase's payload for a track, with the columns that our own trigger posts. */
export function webhookBody(trackId: string, type: 'INSERT' | 'UPDATE' | 'DELETE' = 'UPDATE') {
  const row = { id: trackId, status: 'completed' };
  return JSON.stringify({
    type,
    table: 'tracks',
    schema: 'public',
    record: type === 'DELETE' ? null : row,
    old_record: type === 'INSERT' ? null : row,
  });
}

export function postSigned(post: Post, body: string): Promise<Answer> {
  return post(body, signed(body));
}

/** The schedules that there are: name → what EventBridge Scheduler says of it. */
export async function schedules({ scheduler }: World) {
  const group = { GroupName: scheduleGroup };
  const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand(group));
  const all = Schedules.map(async ({ Name }) => {
    const schedule = await scheduler.send(new GetScheduleCommand({ ...group, Name }));
    return [Name, schedule] as const;
  });
  return new Map(await Promise.all(all));
}

/** Bodies of the messages in the archive queue. */
export const queued = ({ aws }: World): string[] =>
  (aws.queue(queueName)?.messages ?? []).map(({ body }) => body);
