import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { bundle } from '../lambdas/bundle.ts';
import { type Clock, createClock } from './clock.ts';
import { demoHosts, type Provider, startProvider } from './provider/server.ts';
import { type Aws, startAws } from './stack/aws.ts';
import { type DeadLetter, readDeadLetters, readScheduleNames } from './stack/aws-resources.ts';
import {
  allowHost,
  hasUnsentWebhooks,
  requireMigrated,
  setDatabaseClock,
  setWebhook,
} from './stack/database.ts';
import { type Functions, startFunctions } from './stack/functions.ts';
import { type Given, limitationsOf } from './stack/given.ts';
import { makeScratchDirectory } from './stack/scratch.ts';
import {
  type DatabaseUrls,
  givenSupabase,
  type Supabase,
  startSupabase,
} from './stack/supabase.ts';

export interface StackOptions {
  /** Parts that run already; none by default. */
  given?: Given;
  /** A migrated database to use instead of starting a Postgres. */
  database?: DatabaseUrls;
  /** Bundle file of each Lambda; built into a temporary directory by default. */
  bundles?: Record<string, string>;
  /** Starts Supabase in another way, with its objects in this directory. */
  startSupabase?: (storageDirectory: string) => Promise<Supabase>;
  /** Milliseconds; the Lambda's own default is 5000. */
  retryBaseDelay?: number;
  /** Milliseconds without a sign of the provider; the Lambda's own default is 30 000. */
  providerTimeout?: number;
  /** Log lines of the Lambdas. */
  onLog?: (line: string) => void;
  onProgress?: (message: string) => void;
}

/** The whole system on this machine. */
export interface Stack {
  clock: Clock;
  provider: Provider;
  supabase: Supabase;
  aws: Aws;
  functions: Functions;
  /** Connections as role `postgres`. */
  database: pg.Pool;
  /** Of the webhook, `whsec_…`. */
  webhookSecret: string;
  /** What does not work with the given parts, in sentences; empty where all is ours and the clock can jump. */
  limitations: string[];
  /** Resolves when nothing more will happen unless time passes or somebody acts. */
  quiet(): Promise<void>;
  deadLetters(): Promise<DeadLetter[]>;
  scheduleNames(): Promise<string[]>;
  stop(): Promise<void>;
}

const nothingGiven: Given = { supabase: undefined, awsEndpoint: undefined };

/** Starts and wires every part; each on a free port of 127.0.0.1. What was started stops again if one fails. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { given = nothingGiven, onProgress = () => {} } = options;
  await using started = new AsyncDisposableStack();
  const clock = createClock();
  const directory = await makeScratchDirectory();
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const bundles = options.bundles ?? (await bundle(undefined, join(directory, 'bundles')));
  const provider = await startProvider({ directory, now: clock.now });
  started.defer(provider.stop);

  const start = (storage: string) => startSupabase(storage, options.database);
  onProgress(given.supabase === undefined ? 'Starting Postgres and Supabase …' : 'Using Supabase');
  const supabase =
    given.supabase === undefined
      ? await (options.startSupabase ?? start)(join(directory, 'storage'))
      : givenSupabase(given.supabase);
  started.defer(supabase.stop);
  const database = new pg.Pool({ connectionString: supabase.databaseUrl, max: 5 });
  // Connections without a listener, idle or in use, would end the process when Postgres goes away first.
  database.on('error', () => {});
  database.on('connect', (client) => client.on('error', () => {}));
  started.defer(() => database.end());
  await requireMigrated(database);
  if (given.supabase === undefined) clock.onChange((offset) => setDatabaseClock(database, offset));

  onProgress('Starting queues, schedules and Lambdas …');
  const webhookSecret = `whsec_${randomBytes(24).toString('base64')}`;
  const secret = {
    supabaseUrl: supabase.url,
    supabaseKey: supabase.secretKey,
    webhookSecrets: [webhookSecret],
  };
  const aws = await startAws(clock, secret, given.awsEndpoint);
  started.defer(aws.stop);
  const { retryBaseDelay = 5000, providerTimeout = 30_000, onLog } = options;
  const functions = await startFunctions({
    clock,
    aws,
    provider,
    bundles,
    retryBaseDelay,
    providerTimeout,
    ...(onLog === undefined ? {} : { onLog }),
  });
  started.defer(functions.stop);

  await setWebhook(database, functions.functionUrl, webhookSecret);
  if (given.supabase === undefined) {
    for (const [name, host] of Object.entries(demoHosts)) await allowHost(database, name, host);
  }

  const running = started.move();
  return {
    clock,
    provider,
    supabase,
    aws,
    functions,
    database,
    webhookSecret,
    limitations: limitationsOf(given),
    // In the order of the way, so that nothing slips past on its way to the next poll.
    quiet: () =>
      untilQuiet(
        async () => !(await hasUnsentWebhooks(database)) && supabase.idle() && functions.idle(),
      ),
    deadLetters: () => readDeadLetters(aws.sqs, aws.queues.deadLetter.url),
    scheduleNames: () => readScheduleNames(aws.scheduler),
    stop: () => running.disposeAsync(),
  };
}

/** Quiet at several polls in a row: between two parts a request is in neither. */
async function untilQuiet(isQuiet: () => Promise<boolean>): Promise<void> {
  for (let polls = 0; polls < 5; ) {
    polls = (await isQuiet()) ? polls + 1 : 0;
    await wait(20);
  }
}
