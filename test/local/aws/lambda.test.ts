import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createClock } from '../../../local/clock.ts';
import { until } from '../../support/until.ts';
import { startTestFunction } from './functions.ts';

interface Echo {
  event: unknown;
  context: Record<string, unknown>;
  pid: number;
  invocations: number;
}

/** A dead process that nobody has reaped, as in a container without an init, is not alive. */
function isAlive(pid: number): boolean {
  try {
    const stat = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    return !/\) Z /.test(stat) && process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the Lambda runner', () => {
  test('calls the handler with the event and a context', async (t) => {
    const { fn } = startTestFunction(t, 'probe');
    const { event, context } = (await fn.invoke({ action: 'echo', text: 'ü' })) as Echo;
    assert.deepEqual(event, { action: 'echo', text: 'ü' });
    assert.match(String(context.awsRequestId), /^[0-9a-f-]{36}$/);
    assert.equal(context.functionName, 'test-probe');
    assert.equal(context.memoryLimitInMB, '256');
    assert.match(String(context.invokedFunctionArn), /^arn:aws:lambda:.*:function:test-probe$/);
    const remaining = Number(await fn.invoke({ action: 'remaining' }));
    assert.ok(remaining > 0 && remaining <= 30_000);
  });

  test('gives the function its own environment and nothing of ours but PATH', async (t) => {
    process.env.LEAKED_FROM_PARENT = 'secret';
    t.onTestFinished(() => void delete process.env.LEAKED_FROM_PARENT);
    const { fn } = startTestFunction(t, 'probe', { environment: { SECRET_ID: 's' } });
    const environment = (await fn.invoke({ action: 'environment' })) as Record<string, string>;
    assert.equal(environment.SECRET_ID, 's');
    assert.equal(environment.AWS_LAMBDA_FUNCTION_NAME, 'test-probe');
    assert.equal(environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, '256');
    assert.equal(environment.AWS_REGION, 'us-east-1');
    assert.equal(environment.TZ, 'UTC');
    assert.match(environment._X_AMZN_TRACE_ID ?? '', /^Root=1-/);
    assert.equal(environment.PATH, process.env.PATH);
    const shared = Object.keys(environment).filter((name) => name in process.env);
    assert.deepEqual(
      shared.filter(
        (name) => environment[name] === process.env[name] && !/^(PATH|TZ|LANG|AWS_)/.test(name),
      ),
      [],
    );
  });

  test('keeps a warm process for the next invocation and uses another for one at the same time', async (t) => {
    const { fn } = startTestFunction(t, 'probe');
    const first = (await fn.invoke({})) as Echo;
    const second = (await fn.invoke({})) as Echo;
    assert.equal(second.pid, first.pid);
    assert.equal(second.invocations, 2);
    const both = (await Promise.all([fn.invoke({}), fn.invoke({})])) as Echo[];
    assert.notEqual(both[0]?.pid, both[1]?.pid);
  });

  test('refuses what is above its concurrency', async (t) => {
    const { fn, lines } = startTestFunction(t, 'probe', { maxConcurrency: 1 });
    const hanging = fn.invoke({ action: 'hang' });
    await until(() => lines.some((line) => line.startsWith('hanging')));
    await assert.rejects(fn.invoke({}), {
      type: 'TooManyRequestsException',
      message: 'Rate Exceeded.',
    });
    fn.killAll();
    await assert.rejects(hanging);
    await fn.invoke({});
  });

  test('passes on what the handler throws and keeps the process', async (t) => {
    const { fn, lines } = startTestFunction(t, 'probe');
    const { pid } = (await fn.invoke({})) as Echo;
    await assert.rejects(fn.invoke({ action: 'throw', message: 'no' }), {
      name: 'FunctionError',
      type: 'RangeError',
      message: 'no',
    });
    assert.ok(lines.some((line) => line.includes('"errorMessage":"no"')));
    assert.equal(((await fn.invoke({})) as Echo).pid, pid);
  });

  for (const action of ['hang', 'spin']) {
    test(`kills a process that is over its time (${action})`, async (t) => {
      const { fn } = startTestFunction(t, 'probe', { timeoutSeconds: 1 });
      await assert.rejects(fn.invoke({ action }), {
        type: 'Sandbox.Timedout',
        message: /Task timed out after 1\.00 seconds$/,
      });
      assert.equal(((await fn.invoke({})) as Echo).invocations, 1);
    });
  }

  test('kills a process that takes more memory than it may', async (t) => {
    const { fn, lines } = startTestFunction(t, 'probe', { memoryMegabytes: 150 });
    await assert.rejects(fn.invoke({ action: 'fill' }), {
      type: 'Runtime.ExitError',
      message: /Runtime exited with error: signal: killed$/,
    });
    const report = JSON.parse(lines.find((line) => line.includes('platform.report')) ?? '{}');
    assert.ok(report.record.metrics.maxMemoryUsedMB > 150);
  });

  test('reports a process that ends by itself, and an error that nobody caught', async (t) => {
    const { fn } = startTestFunction(t, 'probe');
    await assert.rejects(fn.invoke({ action: 'exit' }), {
      type: 'Runtime.ExitError',
      message: /exit status 3$/,
    });
    await assert.rejects(fn.invoke({ action: 'reject' }), {
      type: 'Runtime.UnhandledPromiseRejection',
      message: 'nobody caught this',
    });
    assert.equal(((await fn.invoke({})) as Echo).invocations, 1);
  });

  test('starts a new process after all were killed, without waiting for their end', async (t) => {
    const { fn } = startTestFunction(t, 'probe');
    await fn.invoke({});
    fn.killAll();
    assert.equal(((await fn.invoke({})) as Echo).invocations, 1);
  });

  test('reports a bundle that cannot start', async (t) => {
    const { fn } = startTestFunction(t, 'broken');
    await assert.rejects(fn.invoke({}), { type: 'SyntaxError', message: 'cannot start' });
  });

  test('shows the function the jumped time, warm processes and running invocations too', async (t) => {
    const clock = createClock();
    const { fn, lines } = startTestFunction(t, 'probe', { clock });
    await fn.invoke({});
    const later = clock.now() + 13 * 86_400_000;
    const jumping = fn.invoke({ action: 'jump', to: later });
    await until(() => lines.includes('waiting for the jump'));
    await clock.advanceTo(later);
    assert.equal(await jumping, 'jumped');
    const [now, date, fixed, instance] = (await fn.invoke({ action: 'date' })) as unknown[];
    assert.ok(Number(now) >= later && Date.parse(String(date)) >= later);
    assert.equal(fixed, 0);
    assert.equal(instance, true);
  });

  test('leaves no process behind when the parent is killed', async () => {
    const file = join(import.meta.dirname, 'handlers/parent.ts');
    const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    parent.stdout.on('data', (data) => {
      output += data;
    });
    const [, pid] = await until(() => /hanging (\d+)\n/.exec(output));
    parent.kill('SIGKILL');
    await until(() => !isAlive(Number(pid)));
  });

  test('leaves no process behind when it stops', async (t) => {
    const { fn, lines } = startTestFunction(t, 'probe');
    const hanging = fn.invoke({ action: 'hang' });
    const line = await until(() => lines.find((text) => text.startsWith('hanging')));
    await Promise.all([fn.stop(), assert.rejects(hanging)]);
    assert.ok(!isAlive(Number(line.split(' ')[1])));
    await assert.rejects(fn.invoke({}), { type: 'ResourceNotFoundException' });
  });
});
