/**
 * What stands in for a Lambda environment that starts: loads the bundle and hands it one event, and tells the
 * processor time that each took. Plain JavaScript, so that the start of Node itself holds no TypeScript loader.
 */
import { pathToFileURL } from 'node:url';

/** Microseconds of processor time of all threads since the process began. */
const used = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const [, , bundle, event] = process.argv;
const started = used();
const handler = bundle === undefined ? undefined : (await import(pathToFileURL(bundle))).handler;
const loaded = used();
let answer;
if (event !== undefined) {
  const context = {
    awsRequestId: crypto.randomUUID(),
    functionName: 'cold-start',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:cold-start',
    memoryLimitInMB: '512',
    getRemainingTimeInMillis: () => 10_000,
  };
  answer = await handler(JSON.parse(event), context);
}
const answered = used();
process.send({ start: started, load: loaded - started, first: answered - loaded, answer }, () =>
  process.exit(0),
);
