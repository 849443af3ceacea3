import { randomBytes, randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import { account, region } from './aws-error.ts';
import { FunctionProcess } from './function-process.ts';

/** What an invocation ended with instead of an answer; `type` is Lambda's errorType. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly type: string;
  readonly trace: string[];

  constructor(type: string, message: string, trace: string[] = []) {
    super(message);
    this.type = type;
    this.trace = trace;
  }
}

export interface LambdaFunction {
  readonly name: string;
  readonly clock: Clock;
  /** The handler's answer; throws a FunctionError, TooManyRequestsException above `maxConcurrency`. */
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
  const { name, clock, timeoutSeconds, maxConcurrency, onLog = () => {} } = options;
  const processes = new Set<FunctionProcess>();
  const idle: FunctionProcess[] = [];
  let invocations = 0;
  let stopped = false;
  const offset = () => clock.now() - Date.now();
  const forget = clock.onChange((changed) => {
    for (const process of processes) process.tell({ type: 'offset', offset: changed });
  });

  function acquire(): FunctionProcess {
    for (let warm = idle.pop(); warm !== undefined; warm = idle.pop()) {
      if (warm.alive) return warm;
    }
    const { bundle, memoryMegabytes } = options;
    const environment = { ...lambdaEnvironment(options), ...options.environment };
    const started = new FunctionProcess({
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

  async function run(event: unknown): Promise<unknown> {
    const began = performance.now();
    const process = acquire();
    const id = randomUUID();
    const outcome = await process.invoke({
      id,
      traceId: traceId(),
      arn: `arn:aws:lambda:${region}:${account}:function:${name}`,
      event,
      offset: offset(),
      timeoutMilliseconds: timeoutSeconds * 1000,
    });
    const metrics = {
      durationMs: Math.round(performance.now() - began),
      memorySizeMB: options.memoryMegabytes,
      maxMemoryUsedMB: Math.round(process.peak / 1024 / 1024),
    };
    const status = 'body' in outcome ? 'success' : outcome.failure.errorType;
    onLog(JSON.stringify({ type: 'platform.report', record: { requestId: id, status, metrics } }));
    if ('body' in outcome) {
      idle.push(process);
      return JSON.parse(outcome.body);
    }
    const { errorType, errorMessage, trace = [] } = outcome.failure;
    onLog(
      JSON.stringify({ level: 'ERROR', requestId: id, errorType, errorMessage, stackTrace: trace }),
    );
    if (process.alive) idle.push(process);
    const ended = /^(Runtime\.ExitError|Sandbox)/.test(errorType);
    const message = ended ? `RequestId: ${id} Error: ${errorMessage}` : errorMessage;
    throw new FunctionError(errorType, message, trace);
  }

  function killAll(): void {
    for (const process of processes) process.kill();
  }

  return {
    name,
    clock,
    async invoke(event) {
      if (stopped) throw new FunctionError('ResourceNotFoundException', `Function ${name} ended.`);
      if (invocations >= maxConcurrency) {
        throw new FunctionError('TooManyRequestsException', 'Rate Exceeded.');
      }
      invocations += 1;
      try {
        return await run(event);
      } finally {
        invocations -= 1;
      }
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

/** Lambda's own variables, with credentials that open nothing. */
function lambdaEnvironment(options: FunctionOptions): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    TZ: 'UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: options.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memoryMegabytes),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: dirname(options.bundle),
    _HANDLER: 'index.handler',
  };
}

function traceId(): string {
  const time = Math.floor(Date.now() / 1000).toString(16);
  const random = (bytes: number) => randomBytes(bytes).toString('hex');
  return `Root=1-${time}-${random(12)};Parent=${random(8)};Sampled=0`;
}
