import { join } from 'node:path';
import { startFunction } from '../../../../local/aws/lambda.ts';
import { createClock } from '../../../../local/clock.ts';

/** A program that waits for a function that hangs; to be killed. */
const fn = startFunction({
  name: 'orphan',
  bundle: join(import.meta.dirname, 'probe.mjs'),
  environment: {},
  memoryMegabytes: 256,
  timeoutSeconds: 60,
  maxConcurrency: 1,
  clock: createClock(),
  onLog: console.log,
});
await fn.invoke({ action: 'hang' });
