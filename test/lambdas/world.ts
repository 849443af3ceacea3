import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CreateScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type AwsEndpoint, startAwsEndpoint } from '../../local/aws/endpoint.ts';
import { type Clock, createClock } from '../../local/clock.ts';
import { type Provider, startProvider } from '../../local/provider/server.ts';
import { createQueues, names } from '../../local/stack/aws-resources.ts';
import { type Gateway, startGateway } from '../../local/supabase/gateway.ts';
import { isCapturing, rememberSecrets } from '../support/capture.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type InterceptingProxy, startProxy } from '../support/proxy.ts';

/** Everything that the Lambdas speak to, real or the local stack's, for one test. */
export interface World {
  database: TestDatabase;
  gateway: Gateway;
  /** Before the gateway, where the Lambdas find it, to make it misbehave. */
  supabase: InterceptingProxy;
  aws: AwsEndpoint;
  sqs: SQSClient;
  scheduler: SchedulerClient;
  provider: Provider;
  clock: Clock;
  /** The environment of both Lambdas together. */
  environment: Record<string, string>;
  queueUrl: string;
  deadLetterUrl: string;
}

export const queueName = names.archiveQueue;
export const deadLetterName = names.deadLetterQueue;
export const scheduleGroup = 'track-archiver';
export const providerHost = 'cdn.provider.example';
/** `whsec_` and base64 of 24 bytes; the second is the one that is being rotated in. */
export const webhookSecrets = [
  'whsec_b25lIG9sZCBzZWNyZXQgb2YgMjRi',
  'whsec_YW5kIGEgbmV3IG9uZSwgMjQgYnl0',
];

const region = 'us-east-1';
const arn = (kind: string) => `arn:aws:${kind}`;

export async function startWorld(t: Cleanup): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-test-'));
  const database = await testDatabase(t);
  const gateway = await startGateway({
    databaseUrl: database.apiUrl,
    storageDirectory: join(directory, 'storage'),
  });
  const supabase = await startProxy(t, gateway.url);
  const provider = await startProvider({ hosts: [providerHost, 'elsewhere.example'] });
  const clock = createClock();
  const secret = {
    supabaseUrl: supabase.url,
    supabaseKey: gateway.keys.secret,
    webhookSecrets,
  };
  rememberSecrets(...Object.values(gateway.keys), ...webhookSecrets.map((text) => text.slice(6)));
  const aws = await startAwsEndpoint({
    clock,
    secrets: { 'track-archiver': JSON.stringify(secret) },
  });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const sqs = new SQSClient({ endpoint: aws.url, region, credentials });
  const scheduler = new SchedulerClient({ endpoint: aws.url, region, credentials });
  const queues = await createQueues(sqs);
  await scheduler.send(new CreateScheduleGroupCommand({ Name: scheduleGroup }));
  await database.query(
    `insert into public.track_archiving_policies (provider, retention, archive_after, allowed_hosts)
     values ('tester', '15 days', '13 days', array['${providerHost}'])`,
  );
  t.onTestFinished(async () => {
    sqs.destroy();
    scheduler.destroy();
    await Promise.all([gateway.stop(), aws.stop(), provider.stop()]);
    await rm(directory, { recursive: true, force: true });
  });
  return {
    database,
    gateway,
    supabase,
    aws,
    sqs,
    scheduler,
    provider,
    clock,
    queueUrl: queues.archive.url,
    deadLetterUrl: queues.deadLetter.url,
    environment: {
      AWS_ENDPOINT_URL: aws.url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      SECRET_ID: 'track-archiver',
      SCHEDULE_GROUP: scheduleGroup,
      SCHEDULE_ROLE_ARN: arn('iam::000000000000:role/track-archiver-scheduler'),
      SCHEDULE_WINDOW_MINUTES: '15',
      SCHEDULE_DEAD_LETTER_ARN: queues.scheduleDeadLetter.arn,
      ARCHIVE_QUEUE_ARN: queues.archive.arn,
      ARCHIVE_QUEUE_URL: queues.archive.url,
      DEAD_LETTER_QUEUE_URL: queues.deadLetter.url,
      ARCHIVE_CONCURRENCY: '5',
      RETRY_BASE_DELAY_MS: '5',
      PROVIDER_TIMEOUT_MS: '2000',
      PROVIDER_ADDRESS_OVERRIDES: provider.addressOverrides,
      POWERTOOLS_LOG_LEVEL: isCapturing ? 'DEBUG' : 'SILENT',
    },
  };
}

/** Handlers in this process trust what Node trusts: the demo provider's certificate, too, from here on. */
export function trustProvider({ provider }: World): void {
  const system = getCACertificates('bundled');
  setDefaultCACertificates([...system, readFileSync(provider.certificate, 'utf8')]);
}

let imports = 0;

/**
 * A Lambda's own handler module, started afresh in this process with the world's environment. Its
 * metrics go nowhere; what it logs is tested on the bundles.
 */
export async function loadHandler<Handler>(name: string, world: World): Promise<Handler> {
  Object.assign(process.env, world.environment, { POWERTOOLS_METRICS_DISABLED: 'true' });
  imports += 1;
  const module = await import(`../../lambdas/${name}/handler.ts?test=${imports}`);
  return module.handler;
}

/** What Lambda tells a handler about its invocation; `remaining` milliseconds are left at first. */
export function lambdaContext(remaining = 900_000) {
  const end = performance.now() + remaining;
  return {
    awsRequestId: crypto.randomUUID(),
    functionName: 'test',
    functionVersion: '$LATEST',
    invokedFunctionArn: arn(`lambda:${region}:000000000000:function:test`),
    memoryLimitInMB: '512',
    getRemainingTimeInMillis: () => Math.max(0, end - performance.now()),
  };
}
