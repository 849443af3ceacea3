import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { drop } from '../../../cli/dlq/drop.ts';
import { openDesk } from '../../../cli/dlq/open.ts';
import { parseOptions } from '../../../cli/dlq/options.ts';
import { bury, reportOf, startDlqWorld, tracksIn, undelivered } from './world.ts';

describe.concurrent('dlq drop', () => {
  test('drops what has the code, in both queues, and nothing else', async (t) => {
    const world = await startDlqWorld(t);
    const { dead, scheduleDead, archive } = world;
    for (let index = 0; index < 20; index += 1) bury(dead, 'provider_gone');
    const kept = [bury(dead, 'provider_timeout'), undelivered(scheduleDead)].sort();
    bury(scheduleDead, 'provider_gone');

    const shown = await world.run(['dlq', 'drop', '--code', 'provider_gone']);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /21 of 23 messages to drop\n\s+21 {2}provider_gone/);
    assert.match(shown.stdout, /Nothing was changed\. --yes drops them/);
    assert.equal(dead.counts().visible, 21);

    const done = await world.run(['dlq', 'drop', '--code', 'provider_gone', '--yes', '--json']);
    assert.equal(done.code, 0, done.stderr);
    const report = reportOf(done);
    assert.deepEqual([report.ok, report.dryRun, report.selected], [true, false, 21]);
    assert.deepEqual(
      report.queues.map(({ done, left }: Record<string, number>) => [done, left]),
      [
        [20, 0],
        [1, 0],
      ],
    );
    assert.deepEqual(tracksIn(dead, scheduleDead), kept);
    assert.equal(dead.counts().inFlight, 0);
    assert.equal(archive.messages.length, 0);
  });

  test('drops only what was shown, not what came meanwhile', async (t) => {
    const world = await startDlqWorld(t);
    bury(world.dead, 'provider_gone');
    let late: string | undefined;
    world.proxy.intercept = (request) => {
      const isGivenBack =
        request.headers['x-amz-target'] === 'AmazonSQS.ChangeMessageVisibilityBatch';
      if (isGivenBack) late ??= bury(world.dead, 'provider_gone');
      return false;
    };
    const done = await world.run(['dlq', 'drop', '--code', 'provider_gone', '--yes']);
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(tracksIn(world.dead), [late]);
  });

  test('on a terminal it asks, and only yes drops', async (t) => {
    const world = await startDlqWorld(t);
    bury(world.dead, 'provider_gone');
    Object.assign(process.env, world.environment);
    const given = { code: ['provider_gone'] };
    const options = parseOptions(given, world.environment);
    const desk = await openDesk(options);
    const said: string[] = [];
    const output = {
      json: false,
      say: (text: string) => said.push(text),
      note() {},
      answer() {},
      progress() {},
    };
    const { signal } = new AbortController();
    const context = { desk, options, given, output, signal };
    for (const [answer, left] of [
      [false, 1],
      [true, 0],
    ] as const) {
      const code = await drop(context, async () => {
        assert.match(said.at(-1) ?? '', /1 {2}provider_gone/, 'shown before it is asked');
        return answer;
      });
      assert.equal(code, 0);
      assert.equal(world.dead.messages.length, left);
    }
  });

  test('refuses to drop everything', async (t) => {
    const world = await startDlqWorld(t);
    bury(world.dead, 'provider_gone');
    const ended = await world.run(['dlq', 'drop', '--yes']);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /Say which messages to drop: --code/);
    assert.equal(world.dead.messages.length, 1);
  });

  test('--archived needs the database and drops nothing without', async (t) => {
    const world = await startDlqWorld(t);
    bury(world.dead, 'provider_gone');
    const ended = await world.run(['dlq', 'drop', '--archived', '--yes', '--json']);
    assert.equal(ended.code, 1);
    assert.equal(reportOf(ended).selected, 0);
    assert.equal(world.dead.counts().visible, 1);
  });
});
