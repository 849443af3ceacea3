import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'vitest';
import { until } from '../../support/until.ts';
import {
  bury,
  type DlqWorld,
  exhaust,
  reportOf,
  startDlqWorld,
  tracksIn,
  undelivered,
} from './world.ts';

const some = ['redrive', '--yes', '--json', '--rate', '500', '--code'];

const isAction = (request: IncomingMessage, action: string): boolean =>
  request.headers['x-amz-target'] === `AmazonSQS.${action}`;

const buryMany = ({ dead }: DlqWorld, code: string, count: number): string[] =>
  Array.from({ length: count }, () => bury(dead, code)).sort();

/** 500 messages, half of them to be moved, in turns. */
function mix({ dead }: DlqWorld) {
  const wanted: string[] = [];
  const others: string[] = [];
  for (let index = 0; index < 250; index += 1) {
    wanted.push(bury(dead, 'provider_timeout'));
    others.push(bury(dead, 'host_not_allowed'));
  }
  return { wanted: wanted.sort(), others: others.sort(), all: [...wanted, ...others].sort() };
}

describe.concurrent('redrive of some', () => {
  test('500 messages, interrupted half-way and finished: none lost, none doubled', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    const { wanted, others, all } = mix(world);
    const first = world.start([...some, 'provider_timeout', '--rate', '150']);
    await until(() => archive.messages.length >= 100);
    // As npx does, which passes on what the terminal has sent already.
    first.child.kill('SIGINT');
    first.child.kill('SIGINT');
    const interrupted = await first.ended;
    assert.equal(interrupted.code, 130, interrupted.stderr);
    assert.equal(reportOf(interrupted).interrupted, true);
    assert.equal(reportOf(interrupted).queues[0].done, archive.messages.length);
    assert.ok(archive.messages.length < 250);
    assert.deepEqual(tracksIn(archive, dead), all);
    assert.equal(dead.counts().inFlight, 0, 'everything that was not moved is given back');

    const finished = await world.run([...some, 'provider_timeout']);
    assert.equal(finished.code, 0, finished.stderr);
    assert.deepEqual(tracksIn(archive), wanted);
    assert.deepEqual(tracksIn(dead), others);
    assert.equal(dead.counts().inFlight, 0);
  });

  test('killed between sending and deleting, at most the message in hand is doubled', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead, proxy } = world;
    const { wanted, others } = mix(world);
    let deletions = 0;
    const first = world.start([...some, 'provider_timeout']);
    proxy.intercept = (request) => {
      if (!isAction(request, 'DeleteMessage')) return false;
      deletions += 1;
      // Deletes nothing any more: the message was sent, and stays.
      return deletions > 120 && first.child.kill('SIGKILL');
    };
    assert.equal((await first.ended).code, null);
    proxy.intercept = () => false;
    assert.equal(archive.messages.length, 121);

    const tooEarly = await world.run([...some, 'provider_timeout']);
    assert.equal(tooEarly.code, 1, 'what the killed one held is still hidden');
    await world.clock.advanceTo(world.clock.now() + 120_000);
    const finished = await world.run([...some, 'provider_timeout']);
    assert.equal(finished.code, 0, finished.stderr);
    const moved = tracksIn(archive);
    assert.equal(moved.length, 251);
    assert.deepEqual([...new Set(moved)], wanted);
    assert.deepEqual(tracksIn(dead), others);
  });

  test('a refilling queue does not keep it going', { timeout: 60_000 }, async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead, proxy } = world;
    buryMany(world, 'provider_timeout', 30);
    proxy.intercept = (request) => {
      // Whatever is sent fails at once.
      if (isAction(request, 'DeleteMessage')) bury(dead, 'provider_timeout');
      return false;
    };
    const ended = await world.run([...some, 'provider_timeout']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(archive.messages.length, 30);
    assert.equal(dead.messages.length, 30);
  });

  test('by track, by age, and by several at once', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead, clock } = world;
    const [one = '', two = ''] = buryMany(world, 'provider_timeout', 3);
    assert.equal((await world.run([...some.slice(0, -1), '--track', one.toUpperCase()])).code, 0);
    assert.deepEqual(tracksIn(archive), [one]);
    // Nothing is older than an hour by the machine's clock, everything younger than that by another.
    const none = await world.run([...some.slice(0, -1), '--older-than', '1h']);
    assert.equal(reportOf(none).queues[0].selected, 0);
    await clock.advanceTo(clock.now() + 1000);
    const older = [
      ...some.slice(0, -1),
      '--older-than',
      '0s',
      '--code',
      'expired,provider_timeout',
    ];
    const both = await world.run([...older, '--track', two, one]);
    assert.equal(reportOf(both).queues[0].done, 1);
    assert.deepEqual(tracksIn(archive), [one, two].sort());
    assert.equal(dead.messages.length, 1);
  });

  test("Scheduler's queue is selected from, too", async (t) => {
    const world = await startDlqWorld(t);
    const kept = bury(world.dead, 'provider_timeout');
    const track = undelivered(world.scheduleDead);
    const ended = await world.run([...some, 'AWS.SimpleQueueService.NonExistentQueue']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(tracksIn(world.archive), [track]);
    assert.deepEqual(tracksIn(world.dead), [kept]);
  });

  test('what is not ours stays unless its code is named', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead } = world;
    dead.send('{"hello":"world"}');
    const track = bury(dead, 'provider_timeout');
    const byAge = await world.run([...some.slice(0, -1), '--older-than', '0s']);
    assert.equal(byAge.code, 0);
    assert.match(byAge.stderr, /1 message not ours: left there/);
    assert.deepEqual(tracksIn(archive), [track]);
    assert.equal((await world.run([...some, 'message_invalid'])).code, 0);
    assert.equal(archive.messages[1]?.body, '{"hello":"world"}');
    assert.equal(dead.messages.length, 0);
  });

  test('what only the database could tell stays, and the exit code says so', async (t) => {
    const world = await startDlqWorld(t);
    await exhaust(world, bury(world.scheduleDead, 'internal'));
    const ended = await world.run([...some, 'provider_timeout']);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /database was not asked/);
    assert.match(ended.stderr, /1 message left there: only the database/);
    assert.equal(world.dead.counts().visible, 1);
  });

  test('the first failure ends it: nothing is deleted that was not sent', async (t) => {
    const world = await startDlqWorld(t);
    const { archive, dead, proxy } = world;
    const tracks = buryMany(world, 'provider_timeout', 20);
    let sent = 0;
    proxy.intercept = (request, response) => {
      if (!isAction(request, 'SendMessage')) return false;
      sent += 1;
      if (sent <= 5) return false;
      response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' });
      response.end('{"__type":"AccessDeniedException","message":"not allowed to sqs:SendMessage"}');
      return true;
    };
    const ended = await world.run([...some, 'provider_timeout']);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /AccessDenied.*sqs:SendMessage/);
    assert.equal(reportOf(ended).queues[0].done, 5);
    assert.equal(reportOf(ended).queues.length, 1, 'the other queue is not begun');
    assert.deepEqual(tracksIn(archive, dead), tracks);
    assert.equal(dead.counts().inFlight, 0);
  });
});
