/**
 * What stands in for Lambda's Node.js runtime, inside the function's process: loads the bundle, takes
 * events over IPC, shifts Date by the clock's offset. Plain JavaScript, so that the process's memory
 * holds no TypeScript loader.
 */
import { pathToFileURL } from 'node:url';

const [, , bundle, firstOffset] = process.argv;
const RealDate = Date;
let offset = Number(firstOffset);
const now = () => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new Date().toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
RealDate.prototype.constructor = globalThis.Date;

const report = (outcome, last, then) => process.send({ type: 'outcome', outcome, last }, then);
const failure = (error) => ({
  errorType: error instanceof Error ? error.name : typeof error,
  errorMessage: error instanceof Error ? error.message : String(error),
  trace: error instanceof Error ? (error.stack ?? '').split('\n') : [],
});

/** Reports and ends the process, as Lambda does after what nobody caught. */
const crash = (outcome) => report(outcome, true, () => process.exit(1));
process.on('uncaughtException', (error) => crash(failure(error)));
process.on('unhandledRejection', (reason) =>
  crash({ ...failure(reason), errorType: 'Runtime.UnhandledPromiseRejection' }),
);
process.on('disconnect', () => process.exit(1));

async function invoke({ id, traceId, arn, event, timeoutMilliseconds }) {
  const end = performance.now() + timeoutMilliseconds;
  const handler = await loading;
  process.env._X_AMZN_TRACE_ID = traceId;
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: arn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(end - performance.now())),
  };
  try {
    report({ body: JSON.stringify(await handler(event, context)) ?? 'null' }, false);
  } catch (error) {
    report(failure(error), false);
  }
}

async function load() {
  const { handler } = await import(pathToFileURL(bundle).href);
  if (typeof handler !== 'function') throw new Error('index.handler is undefined or not exported');
  return handler;
}

/** Rejects, and so ends the process, where the bundle cannot start. */
const loading = load();
loading.catch((error) => crash(failure(error)));

process.on('message', (message) => {
  offset = message.offset;
  if (message.id !== undefined) invoke(message);
});
setInterval(() => process.send({ type: 'memory', rss: process.memoryUsage.rss() }), 100).unref();
