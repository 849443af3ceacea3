import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { archiveMessage } from '../../core/message.ts';
import { batchSize, timings } from '../../core/timings.ts';
import { type EventSource, startEventSource } from '../../local/aws/event-source.ts';
import { type LambdaFunction, startFunction } from '../../local/aws/lambda.ts';
import type { Message } from '../../local/aws/message.ts';
import { setDatabaseClock } from '../../local/stack/database.ts';
import {
  deadLetterName,
  providerHost,
  queueName,
  startWorld,
  type World,
} from '../lambdas/world.ts';
import { bundles } from '../support/bundles.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { until } from '../support/until.ts';
import { dnsAnswers, startTrouble, type Trouble, troubleHosts } from './trouble.ts';

/** A world in which the archive bundle runs, fed by the queue as in production. */
export interface Ground extends World {
  archive: LambdaFunction;
  trouble: Trouble;
  /** What the bundle's processes logged. */
  lines: string[];
  /** Puts a track's message on the queue, as one that has been received so often. */
  send(trackId: string, receives?: number): void;
  /** The track's message in the archive queue. */
  message(trackId: string): Message | undefined;
  deadLetters(trackId: string): { body: string; attributes: Record<string, string> }[];
  /** Nothing is being worked on, and nothing waits for it. */
  settled(): Promise<void>;
  /** Runs another bundle in this world, once. */
  run(name: string, event: unknown): Promise<unknown>;
}

export interface GroundOptions {
  environment?: Record<string, string>;
  timeoutSeconds?: number;
  memoryMegabytes?: number;
  /** Processes at once. */
  maxConcurrency?: number;
}

/** Lets the processes find `dnsAnswers` in DNS. */
export const withDnsAnswers = {
  NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'resolver.ts'))}`,
  TEST_DNS: JSON.stringify(dnsAnswers),
};

export async function startGround(t: Cleanup, options: GroundOptions = {}): Promise<Ground> {
  const world = await startWorld(t);
  const { database, provider, aws, clock } = world;
  const trouble = await startTrouble(t, provider);
  await database.query(
    `update public.track_archiving_policies set allowed_hosts = $1 where provider = 'tester'`,
    [[providerHost, ...Object.values(troubleHosts)]],
  );
  t.onTestFinished(clock.onChange((offset) => setDatabaseClock(database.pool, offset)));

  const lines: string[] = [];
  const environment = {
    ...world.environment,
    NODE_EXTRA_CA_CERTS: provider.certificate,
    PROVIDER_ADDRESS_OVERRIDES: trouble.addressOverrides,
    PROVIDER_TIMEOUT_MS: '1000',
    POWERTOOLS_LOG_LEVEL: 'INFO',
    ...options.environment,
  };
  const start = async (name: string): Promise<LambdaFunction> =>
    startFunction({
      name: `track-archiver-${name}`,
      bundle: bundles[name] ?? '',
      environment,
      memoryMegabytes: options.memoryMegabytes ?? 512,
      timeoutSeconds: options.timeoutSeconds ?? timings.archiveTimeout,
      maxConcurrency: options.maxConcurrency ?? 2,
      clock,
      onLog: (line) => lines.push(line),
    });
  const archive = await start('archive');
  const eventSource: EventSource = startEventSource({
    endpoint: aws,
    queueName,
    fn: archive,
    batchSize,
    maxConcurrency: options.maxConcurrency ?? 2,
  });
  t.onTestFinished(async () => {
    await archive.stop();
    await eventSource.stop();
  });

  const messagesOf = (queue: string, trackId: string): Message[] =>
    aws.queue(queue)?.messages.filter(({ body }) => body.includes(trackId)) ?? [];
  return {
    ...world,
    archive,
    trouble,
    lines,
    send(trackId, receives = 0) {
      const message = aws.queue(queueName)?.send(archiveMessage(trackId, 'schedule'));
      if (message !== undefined) message.receives = receives;
    },
    message: (trackId) => messagesOf(queueName, trackId)[0],
    deadLetters: (trackId) =>
      messagesOf(deadLetterName, trackId).map(({ body, attributes }) => ({
        body,
        attributes: Object.fromEntries(
          Object.entries(attributes).map(([name, { StringValue }]) => [name, StringValue]),
        ),
      })),
    async settled() {
      await until(() => eventSource.idle(), { timeout: 60_000, what: 'the end of all work' });
    },
    async run(name, event) {
      const fn = await start(name);
      try {
        return await fn.invoke(event);
      } finally {
        await fn.stop();
      }
    },
  };
}
