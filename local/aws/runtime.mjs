/**
 * What stands in for Lambda's Node.js runtime, inside the function's process: loads the bundle, takes
 * events over IPC, shifts Date by the clock's offset. Plain JavaScript, so that the process's memory
 * holds no TypeScript loader.
 */
import { pathToFileURL } from 'node:url';

const RealDate = Date;
let offset = 0;
const now = () => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new Date().toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
RealDate.prototype.constructor = globalThis.Date;

const describe = (error) => ({
  errorType: error instanceof Error ? error.name : typeof error,
  errorMessage: error instanceof Error ? error.message : String(error),
  trace: error instanceof Error ? (error.stack ?? '').split('\n') : [],
});

/** Reports and ends the process, as Lambda does after what nobody caught. */
const crash = (error) => process.send({ type: 'crash', ...error }, () => process.exit(1));
process.on('uncaughtException', (error) => crash(describe(error)));
process.on('unhandledRejection', (reason) =>
  crash({ ...describe(reason), errorType: 'Runtime.UnhandledPromiseRejection' }),
);
process.on('disconnect', () => process.exit(1));

function contextOf({ id, arn, timeoutMilliseconds }) {
  const end = performance.now() + timeoutMilliseconds;
  return {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: arn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(end - performance.now())),
  };
}

async function invoke(handler, message) {
  process.env._X_AMZN_TRACE_ID = message.traceId;
  try {
    const value = await handler(message.event, contextOf(message));
    process.send({ type: 'result', body: JSON.stringify(value) ?? 'null' });
  } catch (error) {
    process.send({ type: 'error', ...describe(error) });
  }
}

let handler;
process.on('message', (message) => {
  offset = message.offset;
  if (message.type === 'invoke') invoke(handler, message);
});
setInterval(() => process.send({ type: 'memory', rss: process.memoryUsage.rss() }), 200).unref();

offset = Number(process.argv[3]);
try {
  ({ handler } = await import(pathToFileURL(process.argv[2]).href));
  if (typeof handler !== 'function') throw new Error('index.handler is undefined or not exported');
  process.send({ type: 'ready' });
} catch (error) {
  crash(describe(error));
}
