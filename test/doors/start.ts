import { timings } from '../../core/timings.ts';
import { startFunctionUrl } from '../../local/aws/function-url.ts';
import { type LambdaFunction, startFunction } from '../../local/aws/lambda.ts';
import type { World } from '../lambdas/world.ts';
import { bundles } from '../support/bundles.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { type InterceptingProxy, startProxy } from '../support/proxy.ts';

export interface StartedBundle {
  fn: LambdaFunction;
  /** Its function URL. */
  url: string;
  lines: string[];
  /** Before AWS, as this function sees it. */
  aws: InterceptingProxy;
  /** How the invocations that did not succeed ended, by the platform's reports. */
  crashes(): string[];
}

export interface StartOptions {
  environment?: Record<string, string>;
  /** Limit of a process; it is killed above. */
  memoryMegabytes?: number;
  maxConcurrency?: number;
}

/** A Lambda's bundle in processes of its own, as it is deployed, behind a function URL. */
export async function startBundle(
  t: Cleanup,
  world: World,
  name: 'enqueue' | 'archive' | 'archive-tracks',
  options: StartOptions = {},
): Promise<StartedBundle> {
  const aws = await startProxy(t, world.aws.url);
  const lines: string[] = [];
  const environment = Object.entries({
    ...world.environment,
    NODE_EXTRA_CA_CERTS: world.provider.certificate,
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
    ...options.environment,
  }).map(([key, value]) => [key, value.replace(world.aws.url, aws.url)]);
  const fn = startFunction({
    name: `track-archiver-${name}`,
    bundle: bundles[name] ?? '',
    environment: Object.fromEntries(environment),
    memoryMegabytes: options.memoryMegabytes ?? 512,
    timeoutSeconds: name === 'enqueue' ? timings.enqueueTimeout : timings.archiveTimeout,
    maxConcurrency: options.maxConcurrency ?? 2,
    clock: world.clock,
    onLog: (line) => lines.push(line),
  });
  const server = await startFunctionUrl(fn);
  t.onTestFinished(async () => {
    await server.stop();
    await fn.stop();
  });
  const crashes = () =>
    lines
      .filter((line) => line.startsWith('{"type":"platform.report"'))
      .map((line) => JSON.parse(line).record.status)
      .filter((status) => status !== 'success');
  return { fn, url: server.url, lines, aws, crashes };
}
