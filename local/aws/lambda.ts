import { randomBytes, randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import { account, region } from './aws-error.ts';
import { type FunctionProcess, startFunctionProcess } from './function-process.ts';

/** What an invocation ended with instead of a result; `type` is Lambda's errorType. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface LambdaFunction {
  readonly name: string;
  readonly clock: Clock;
  /** The handler's result; throws a FunctionError, TooManyRequestsException above `maxConcurrency`. */
  invoke(event: unknown): Promise<unknown>;
  /** Kills every process, whatever it is doing; the next invocation starts a new one. */
  killAll(): void;
  /** Ends all processes and refuses further invocations. */
  stop(): Promise<void>;
}

export interface FunctionOptions {
  name: string;
  /** The bundle's file; its export `handler` is called. */
  bundle: string;
  environment: Record<string, string>;
  /** Limit of a process's resident memory. */
  memoryMegabytes: number;
  timeoutSeconds: number;
  maxConcurrency: number;
  clock: Clock;
  /** Lines of stdout and stderr, and a `platform.report` as JSON after each invocation. */
  onLog?(line: string): void;
}

/** Runs a Lambda bundle in processes of its own; the parent's environment does not reach them. */
export function startFunction(options: FunctionOptions): LambdaFunction {
  const { name, bundle, memoryMegabytes, clock, timeoutSeconds, maxConcurrency } = options;
  const onLog = options.onLog ?? (() => {});
  const environment = { ...lambdaEnvironment(options), ...options.environment };
  const processes = new Set<FunctionProcess>();
  let stopped = false;
  const offset = () => clock.now() - Date.now();
  const forget = clock.onChange((changed) => {
    for (const process of processes) process.shift(changed);
  });

  function start(): FunctionProcess {
    const started = startFunctionProcess({
      bundle,
      environment,
      memoryMegabytes,
      offset: offset(),
      onLog,
    });
    processes.add(started);
    started.exited.then(() => processes.delete(started));
    return started;
  }

  function killAll(): void {
    for (const process of processes) process.kill();
  }

  return {
    name,
    clock,
    async invoke(event) {
      if (stopped) throw new FunctionError('ResourceNotFoundException', `Function ${name} ended.`);
      if ([...processes].filter((process) => process.busy()).length >= maxConcurrency) {
        throw new FunctionError('TooManyRequestsException', 'Rate Exceeded.');
      }
      const process = [...processes].find((warm) => warm.alive() && !warm.busy()) ?? start();
      const id = randomUUID();
      const outcome = await process.invoke({
        id,
        traceId: `Root=1-00000000-${randomBytes(12).toString('hex')};Sampled=0`,
        arn: `arn:aws:lambda:${region}:${account}:function:${name}`,
        event,
        offset: offset(),
        timeoutMilliseconds: timeoutSeconds * 1000,
      });
      const status = 'body' in outcome ? 'success' : outcome.errorType;
      const maxMemoryUsedMB = Math.round(process.peak() / 1024 / 1024);
      const record = { requestId: id, status, metrics: { maxMemoryUsedMB } };
      onLog(JSON.stringify({ type: 'platform.report', record }));
      if ('body' in outcome) return JSON.parse(outcome.body);
      onLog(JSON.stringify({ level: 'ERROR', requestId: id, ...outcome }));
      const ended = /^(Runtime\.ExitError|Sandbox)/.test(status);
      const { errorMessage } = outcome;
      throw new FunctionError(
        status,
        ended ? `RequestId: ${id} Error: ${errorMessage}` : errorMessage,
      );
    },
    killAll,
    async stop() {
      stopped = true;
      forget();
      killAll();
      await Promise.all([...processes].map((process) => process.exited));
    },
  };
}

/** Of Lambda's own variables those that are read by us or our libraries, with credentials that open nothing. */
const lambdaEnvironment = (options: FunctionOptions): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  TZ: 'UTC',
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  AWS_LAMBDA_FUNCTION_NAME: options.name,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memoryMegabytes),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  LAMBDA_TASK_ROOT: dirname(options.bundle),
});
