import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import type { Queue } from '../../../local/aws/queue.ts';
import { type Clock, createClock } from '../../../local/clock.ts';
import { createQueues, names } from '../../../local/stack/aws-resources.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type InterceptingProxy, startProxy } from '../../support/proxy.ts';

export interface Ended {
  /** Null where a signal ended the process. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

export interface DlqWorld {
  clock: Clock;
  aws: AwsEndpoint;
  sqs: SQSClient;
  /** Before the endpoint, where the command finds it. */
  proxy: InterceptingProxy;
  /** Secrets Manager's, by name; the command knows `track-archiver`. */
  secrets: Record<string, string>;
  archive: Queue;
  dead: Queue;
  scheduleDead: Queue;
  /** The command's. */
  environment: Record<string, string>;
  /** The real command in a process of its own; an empty variable is left out. */
  start(parameters: string[], environment?: Record<string, string>): Running;
  run(parameters: string[], environment?: Record<string, string>): Promise<Ended>;
}

const command = join(import.meta.dirname, '../../../cli/track-archiver.ts');

/** The queues as they are deployed, on the local AWS endpoint, and the command. */
export async function startDlqWorld(t: Cleanup): Promise<DlqWorld> {
  const clock = createClock();
  const secrets: Record<string, string> = {};
  const aws = await startAwsEndpoint({ clock, secrets });
  const proxy = await startProxy(t, aws.url);
  const sqs = new SQSClient({
    endpoint: aws.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await createQueues(sqs);
  const children: ChildProcess[] = [];
  t.onTestFinished(async () => {
    for (const child of children) child.kill('SIGKILL');
    sqs.destroy();
    await aws.stop();
  });
  const queue = (name: string) => aws.queue(name) ?? assert.fail(`there is no queue ${name}`);
  const common = {
    PATH: process.env.PATH ?? '',
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
    AWS_ENDPOINT_URL: proxy.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test-secret-access-key',
    // The SDK sends to the queue's own address, not to the endpoint.
    ARCHIVE_QUEUE_URL: `${proxy.url}/000000000000/${names.archiveQueue}`,
    DEAD_LETTER_QUEUE_URL: `${proxy.url}/000000000000/${names.deadLetterQueue}`,
    SCHEDULE_DEAD_LETTER_ARN: `arn:aws:sqs:us-east-1:000000000000:${names.scheduleDeadLetterQueue}`,
  };
  const start: DlqWorld['start'] = (parameters, environment = {}) => {
    const variables = {
      ...common,
      ...environment,
    };
    const env = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
    const child = spawn(process.execPath, [command, ...parameters], { env });
    children.push(child);
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      ended.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      ended.stderr += text;
    });
    return {
      child,
      ended: new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code }))),
    };
  };
  return {
    clock,
    aws,
    sqs,
    proxy,
    secrets,
    archive: queue(names.archiveQueue),
    dead: queue(names.deadLetterQueue),
    scheduleDead: queue(names.scheduleDeadLetterQueue),
    environment: common,
    start,
    run: (parameters, environment) => start(parameters, environment).ended,
  };
}

const text = (StringValue: string) => ({ DataType: 'String', StringValue });

/** A message of the archiver, as the schedule sends it. */
export const bodyOf = (trackId: string): string =>
  JSON.stringify({ v: 1, trackId, reason: 'schedule' });

/** Buries a track as the archive Lambda does; answers its id. */
export function bury(queue: Queue, code: string, trackId: string = randomUUID()): string {
  queue.send(bodyOf(trackId), {
    code: text(code),
    reason: text(`because of ${code}`),
    trackId: text(trackId),
  });
  return trackId;
}

/** What EventBridge Scheduler could not deliver; answers the track's id. */
export function undelivered(queue: Queue, body?: string): string {
  const trackId = randomUUID();
  queue.send(body ?? bodyOf(trackId), {
    ERROR_CODE: text('AWS.SimpleQueueService.NonExistentQueue'),
    ERROR_MESSAGE: text('The specified queue does not exist.'),
    SCHEDULE_ARN: text(
      `arn:aws:scheduler:us-east-1:000000000000:schedule/track-archiver/track-${trackId}`,
    ),
  });
  return trackId;
}

/** Puts a track on the archive queue and lets SQS give it up after five receives. */
export async function exhaust({ archive, clock }: DlqWorld, trackId: string): Promise<void> {
  archive.send(bodyOf(trackId));
  const signal = new AbortController().signal;
  for (let receives = 0; receives < 6; receives += 1) {
    await archive.receive({ max: 10, waitSeconds: 0, visibilitySeconds: 1, signal });
    await clock.advanceTo(clock.now() + 1001);
  }
}

/** Ids of the tracks in a queue, sorted; each as often as it lies there. */
export const tracksIn = (...queues: Queue[]): string[] =>
  queues.flatMap(({ messages }) => messages.map(({ body }) => JSON.parse(body).trackId)).sort();

export const reportOf = ({ stdout, stderr }: Ended) => {
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    throw new Error(`no JSON: ${stdout}${stderr}`, { cause });
  }
};
