import { join } from 'node:path';
import { type FunctionOptions, startFunction } from '../../../local/aws/lambda.ts';
import { createClock } from '../../../local/clock.ts';
import type { Cleanup } from '../../support/cleanup.ts';

/** A function of handlers/, stopped after the test, and the lines that it logged. */
export function startTestFunction(
  t: Cleanup,
  handler: 'probe' | 'batch' | 'broken',
  options: Partial<FunctionOptions> = {},
) {
  const lines: string[] = [];
  const fn = startFunction({
    name: `test-${handler}`,
    bundle: join(import.meta.dirname, `handlers/${handler}.mjs`),
    environment: {},
    memoryMegabytes: 256,
    timeoutSeconds: 30,
    maxConcurrency: 10,
    clock: createClock(),
    onLog: (line) => lines.push(line),
    ...options,
  });
  t.onTestFinished(() => fn.stop());
  return { fn, lines };
}
