import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { until } from '../../support/until.ts';
import type { DlqWorld } from './world.ts';
import { bury, reportOf, startDlqWorld, tracksIn, undelivered } from './world.ts';

const many = ({ dead }: DlqWorld, count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    bury(dead, index % 2 === 0 ? 'provider_timeout' : 'host_not_allowed'),
  ).sort();

describe.concurrent('redrive of everything', () => {
  test('500 messages, interrupted half-way and finished: none lost, none doubled', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    const tracks = many(world, 500);
    const first = world.start(['redrive', '--yes', '--json', '--rate', '125']);
    await until(() => archive.messages.length >= 200);
    first.child.kill('SIGINT');
    const interrupted = await first.ended;
    assert.equal(interrupted.code, 130, interrupted.stderr);
    const [report] = reportOf(interrupted).queues;
    assert.equal(report.done, archive.messages.length);
    assert.equal(report.left, dead.messages.length);
    assert.ok(report.left > 0 && report.done >= 200);
    assert.deepEqual(tracksIn(archive, dead), tracks);

    const finished = await world.run(['redrive', '--yes', '--json', '--rate', '500']);
    assert.equal(finished.code, 0, finished.stderr);
    assert.equal(reportOf(finished).queues[0].done, report.left);
    assert.deepEqual(tracksIn(archive), tracks);
    assert.deepEqual(tracksIn(dead), []);
  });

  test('a killed command leaves its move task to SQS; the next one watches that', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    const tracks = many(world, 300);
    const first = world.start(['redrive', '--yes', '--rate', '100']);
    await until(() => archive.messages.length >= 50);
    first.child.kill('SIGKILL');
    assert.equal((await first.ended).code, null);
    const second = await world.run(['redrive', '--yes', '--json']);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /running already: watching/);
    assert.equal(reportOf(second).queues[0].done, 300);
    assert.deepEqual(tracksIn(archive), tracks);
    assert.equal(dead.messages.length, 0);
  });

  test('a refilling queue does not keep it going', { timeout: 60_000 }, async (t) => {
    const over = new AbortController();
    t.onTestFinished(() => over.abort());
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    many(world, 100);
    const { signal } = over;
    let buried = 0;
    // The worker fails each at once and buries it again.
    async function work(): Promise<void> {
      while (!signal.aborted) {
        const wanted = { max: 10, waitSeconds: 20, visibilitySeconds: 60, signal };
        for (const message of await archive.receive(wanted)) {
          archive.remove(message);
          dead.send(message.body, message.attributes);
          buried += 1;
        }
      }
    }
    const working = work();
    const ended = await world.run(['redrive', '--yes', '--json', '--rate', '50']);
    over.abort();
    await working;
    assert.equal(ended.code, 0, ended.stderr);
    // SQS tells its count now and then only.
    assert.ok(buried >= 100 && buried < 350, String(buried));
    assert.equal(archive.messages.length + dead.messages.length, 100);
  });

  test("Scheduler's queue is moved one by one, whatever its messages look like", async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead, scheduleDead } = world;
    const failed = bury(dead, 'provider_timeout');
    const tracks = [
      undelivered(scheduleDead),
      undelivered(scheduleDead, '{"MessageBody":"as a universal target has it"}'),
      failed,
    ].sort();
    const ended = await world.run(['redrive', '--yes', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(
      reportOf(ended).queues.map(({ queue, by, done, left }: Record<string, unknown>) => ({
        queue,
        by,
        done,
        left,
      })),
      [
        { queue: 'dead-letter', by: 'move_task', done: 1, left: 0 },
        { queue: 'schedule-dead-letter', by: 'one_by_one', done: 2, left: 0 },
      ],
    );
    assert.deepEqual(tracksIn(archive), tracks);
    assert.ok(archive.messages.every(({ body }) => JSON.parse(body).v === 1));
  });

  test('without --yes it shows codes and what to do about them, and moves nothing', async (t) => {
    const world = await startDlqWorld(t);
    many(world, 30);
    undelivered(world.scheduleDead);
    const shown = await world.run(['redrive']);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /30 of 30 messages to move/);
    assert.match(shown.stdout, /15 {2}provider_timeout\n\s+Redrive when the provider/);
    assert.match(shown.stdout, /1 {2}AWS\.SimpleQueueService\.NonExistentQueue/);
    assert.match(shown.stdout, /Nothing was changed\. --yes moves them/);
    const { queues, dryRun } = reportOf(await world.run(['redrive', '--json']));
    assert.equal(dryRun, true);
    assert.deepEqual(queues[0].codes, { provider_timeout: 15, host_not_allowed: 15 });
    assert.equal(world.archive.messages.length, 0);
    assert.deepEqual(world.dead.counts(), { visible: 30, inFlight: 0 });
  });

  test('--cancel stops the task that a killed command left behind', async (t) => {
    const world = await startDlqWorld(t);
    many(world, 200);
    const first = world.start(['redrive', '--yes', '--rate', '5']);
    await until(() => world.archive.messages.length > 0);
    first.child.kill('SIGKILL');
    await first.ended;
    // To look would hide messages from the task, which would then end half-way.
    for (const parameters of [
      ['redrive'],
      ['dlq', 'list'],
      ['redrive', '--yes', '--code', 'internal'],
    ]) {
      const refused = await world.run(parameters);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /moving messages .* just now, \d+ of 200/);
    }
    const cancelled = await world.run(['redrive', '--cancel', '--json']);
    assert.equal(cancelled.code, 0);
    assert.equal(reportOf(cancelled).cancelled, true);
    assert.equal(reportOf(cancelled).moved, world.archive.messages.length);
    assert.equal(reportOf(await world.run(['redrive', '--cancel', '--json'])).cancelled, false);
    assert.equal(world.archive.messages.length + world.dead.messages.length, 200);
  });

  test('messages in the hands of another are left, and the exit code says so', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    many(world, 12);
    const signal = new AbortController().signal;
    await dead.receive({ max: 5, waitSeconds: 0, visibilitySeconds: 600, signal });
    const ended = await world.run(['redrive', '--yes']);
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(ended.stdout, /7 messages moved, 5 left; 5 of them were in somebody's hands/);
    assert.equal(archive.messages.length, 7);
    await world.clock.advanceTo(world.clock.now() + 600_000);
    assert.equal((await world.run(['redrive', '--yes'])).code, 0);
    assert.equal(archive.messages.length, 12);
  });

  test('an endpoint without move tasks is served one by one', async (t) => {
    const world = await startDlqWorld(t);
    const tracks = many(world, 25);
    world.proxy.intercept = (request, response) => {
      if (!String(request.headers['x-amz-target']).includes('MessageMoveTask')) return false;
      response.writeHead(400, { 'x-amzn-errortype': 'InvalidAction' });
      response.end('{"__type":"InvalidAction","message":"not here"}');
      return true;
    };
    const ended = await world.run(['redrive', '--yes', '--json', '--rate', '500']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /no move tasks here: moving one by one/);
    assert.equal(reportOf(ended).queues[0].by, 'one_by_one');
    assert.deepEqual(tracksIn(world.archive), tracks);
  });
});
