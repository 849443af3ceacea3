import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createTelemetry, withLogFields } from '../../adapters/telemetry.ts';
import { ArchiveFailure } from '../../core/failure.ts';
import { lambdaContext } from '../lambdas/world.ts';

/** Lines that `run` logs, as they would reach CloudWatch. */
async function linesOf(run: (telemetry: ReturnType<typeof createTelemetry>) => Promise<void>) {
  // Under POWERTOOLS_DEV the logger writes to the global console, where a test can listen.
  process.env.POWERTOOLS_DEV = 'true';
  const lines: Record<string, unknown>[] = [];
  const methods = ['info', 'warn', 'error', 'log', 'debug'] as const;
  const originals = methods.map((method) => [method, console[method]] as const);
  for (const method of methods) console[method] = (line: string) => lines.push(JSON.parse(line));
  try {
    await run(createTelemetry('tester'));
  } finally {
    for (const [method, original] of originals) console[method] = original;
    delete process.env.POWERTOOLS_DEV;
  }
  return lines;
}

test('tasks that run at the same time each have their own fields, and inherit those around them', async () => {
  const lines = await linesOf(async ({ log }) => {
    const task = (messageId: string) =>
      withLogFields({ messageId }, async () => {
        log.info('first');
        await new Promise(setImmediate);
        await withLogFields({ asset: 'cover' }, async () => log.info('second', { bytes: 1 }));
      });
    await Promise.all([task('a'), task('b')]);
    log.info('outside');
  });
  const seen = lines.map(({ message, messageId, asset }) => [message, messageId, asset]);
  assert.deepEqual(seen, [
    ['first', 'a', undefined],
    ['first', 'b', undefined],
    ['second', 'a', 'cover'],
    ['second', 'b', 'cover'],
    ['outside', undefined, undefined],
  ]);
});

test('an error is logged with its causes', async () => {
  const lines = await linesOf(async ({ log }) => {
    const cause = new Error('socket hang up');
    log.error('failed', { error: new ArchiveFailure('provider_reset', 'broke', { cause }) });
  });
  const error = lines[0]?.error as { name: string; code: string; cause: { message: string } };
  assert.deepEqual(
    [error.name, error.code, error.cause.message],
    ['ArchiveFailure', 'provider_reset', 'socket hang up'],
  );
});

test('of an error only what is made to be shown is logged, to the depth of its causes', async () => {
  const cause = {
    code: '23514',
    message: 'refused for https://cdn.example.com/?signature=very-secret',
    details: 'Failing row contains (very-secret)',
  };
  const aggregate = Object.assign(new AggregateError([new Error('ECONNREFUSED')], ''), {
    data: 'GET /?signature=very-secret',
    headers: { authorization: 'Bearer very-secret' },
    cause,
  });
  const circular: { cause?: unknown } = {};
  circular.cause = circular;
  const lines = await linesOf(async ({ log }) => {
    log.error('failed', { error: new ArchiveFailure('internal', 'broke', { cause: aggregate }) });
    log.error('failed', { error: circular });
    log.error('failed', { error: 'whsec_b25lIG9sZA' });
  });
  const text = JSON.stringify(lines);
  assert.match(text, /23514.*refused for https/s);
  assert.match(text, /ECONNREFUSED/);
  assert.match(text, /and so on/);
  assert.doesNotMatch(text, /very-secret|b25l/);
});

test('lines of an invocation carry its request id', async () => {
  const context = lambdaContext();
  const lines = await linesOf(async (telemetry) => {
    await telemetry.invocation(context as never, async () => telemetry.log.info('hello'));
  });
  assert.equal(lines[0]?.function_request_id, context.awsRequestId);
});
