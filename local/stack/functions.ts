import type {
  archiveEnvironment,
  EnvironmentOf,
  enqueueEnvironment,
  sweepEnvironment,
} from '../../core/environment.ts';
import { batchSize, timings } from '../../core/timings.ts';
import { type EventSource, startEventSource } from '../aws/event-source.ts';
import { startFunctionUrl } from '../aws/function-url.ts';
import { type LambdaFunction, startFunction } from '../aws/lambda.ts';
import type { Clock } from '../clock.ts';
import type { Provider } from '../provider/server.ts';
import { type Aws, awsAccess } from './aws.ts';
import { names } from './aws-resources.ts';

/** Archive Lambdas at once. */
const archiveConcurrency = 4;

export interface Functions {
  enqueue: LambdaFunction;
  archive: LambdaFunction;
  /** Runs when it is invoked: on one machine nobody would wait an hour for it. */
  sweep: LambdaFunction;
  functionUrl: string;
  /** Of the manual endpoint, archive-tracks. */
  archiveTracksUrl: string;
  eventSource: EventSource;
  /** Nothing is being handled or archived, and nothing waits for it. */
  idle(): boolean;
  stop(): Promise<void>;
}

export interface FunctionsOptions {
  clock: Clock;
  aws: Aws;
  provider: Provider;
  /** Bundle file of each Lambda, by name. */
  bundles: Record<string, string>;
  /** Milliseconds; the wait after try n of an asset is n times this. */
  retryBaseDelay: number;
  /** Milliseconds. */
  providerTimeout: number;
  onLog?: (line: string) => void;
}

/** Runs the Lambdas from their bundles, with the environment that the infrastructure will give them. */
export async function startFunctions(options: FunctionsOptions): Promise<Functions> {
  const { clock, aws, provider, bundles, onLog } = options;
  const { archive: archiveQueue, deadLetter, scheduleDeadLetter } = aws.queues;
  const common = {
    ...awsAccess,
    AWS_ENDPOINT_URL: aws.endpoint.url,
    POWERTOOLS_METRICS_NAMESPACE: 'TrackArchiver',
    POWERTOOLS_LOG_LEVEL: process.env.POWERTOOLS_LOG_LEVEL ?? 'INFO',
  };
  const enqueueVariables: Partial<EnvironmentOf<typeof enqueueEnvironment>> = {
    SECRET_ID: names.secret,
    SCHEDULE_GROUP: names.scheduleGroup,
    SCHEDULE_ROLE_ARN: 'arn:aws:iam::000000000000:role/track-archiver-schedule',
    SCHEDULE_DEAD_LETTER_ARN: scheduleDeadLetter.arn,
    ARCHIVE_QUEUE_ARN: archiveQueue.arn,
    ARCHIVE_QUEUE_URL: archiveQueue.url,
  };
  const archiveVariables: Partial<EnvironmentOf<typeof archiveEnvironment>> = {
    SECRET_ID: names.secret,
    ARCHIVE_QUEUE_URL: archiveQueue.url,
    DEAD_LETTER_QUEUE_URL: deadLetter.url,
    RETRY_BASE_DELAY_MS: String(options.retryBaseDelay),
    PROVIDER_TIMEOUT_MS: String(options.providerTimeout),
    PROVIDER_ADDRESS_OVERRIDES: provider.addressOverrides,
  };
  const start = (
    name: string,
    environment: Record<string, string>,
    limits: { memoryMegabytes: number; timeoutSeconds: number; maxConcurrency: number },
  ) => {
    const file = bundles[name];
    if (file === undefined) throw new Error(`There is no bundle of the Lambda ${name}.`);
    return startFunction({
      name: `track-archiver-${name}`,
      bundle: file,
      environment: { ...common, ...environment },
      clock,
      ...limits,
      ...(onLog === undefined ? {} : { onLog }),
    });
  };
  const enqueue = counted(
    start('enqueue', enqueueVariables, {
      memoryMegabytes: 256,
      timeoutSeconds: timings.enqueueTimeout,
      maxConcurrency: 20,
    }),
  );
  const archive = start(
    'archive',
    { ...archiveVariables, NODE_EXTRA_CA_CERTS: provider.certificate },
    {
      memoryMegabytes: 512,
      timeoutSeconds: timings.archiveTimeout,
      maxConcurrency: archiveConcurrency,
    },
  );
  const sweepVariables: Partial<EnvironmentOf<typeof sweepEnvironment>> = {
    ...enqueueVariables,
    DEAD_LETTER_QUEUE_URL: deadLetter.url,
    ARCHIVE_CONCURRENCY: String(archiveConcurrency),
  };
  const sweep = start('sweep', sweepVariables, {
    memoryMegabytes: 256,
    timeoutSeconds: timings.sweepTimeout,
    maxConcurrency: 2,
  });
  const archiveTracks = start(
    'archive-tracks',
    { ...archiveVariables, NODE_EXTRA_CA_CERTS: provider.certificate },
    { memoryMegabytes: 512, timeoutSeconds: timings.archiveTimeout, maxConcurrency: 2 },
  );
  const functionUrl = await startFunctionUrl(enqueue.fn);
  const archiveTracksUrl = await startFunctionUrl(archiveTracks);
  const eventSource = startEventSource({
    endpoint: aws.endpoint,
    queueName: names.archiveQueue,
    fn: archive,
    batchSize,
    maxConcurrency: archiveConcurrency,
  });
  return {
    enqueue: enqueue.fn,
    archive,
    sweep,
    functionUrl: functionUrl.url,
    archiveTracksUrl: archiveTracksUrl.url,
    eventSource,
    idle: () => enqueue.running() === 0 && eventSource.idle(),
    stop: async () => {
      await functionUrl.stop();
      await archiveTracksUrl.stop();
      await Promise.all([enqueue.fn.stop(), archive.stop(), archiveTracks.stop(), sweep.stop()]);
      await eventSource.stop();
    },
  };
}

/** The function, and how many of its invocations are open. */
function counted(fn: LambdaFunction): { fn: LambdaFunction; running: () => number } {
  let running = 0;
  return {
    running: () => running,
    fn: {
      ...fn,
      invoke: (event) => {
        running += 1;
        return fn.invoke(event).finally(() => {
          running -= 1;
        });
      },
    },
  };
}
