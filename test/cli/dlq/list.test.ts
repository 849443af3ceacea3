import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { newTrack, newUser, service } from '../../migrations/app.ts';
import { failTrack, fromSecret, startListed } from './listed.ts';
import {
  exhaust,
  reportOf,
  sendDeadLetter,
  startDlqWorld,
  tracksIn,
  undelivered,
} from './world.ts';

describe.concurrent('dlq list', () => {
  test('shows what, why, since when, until when, and what became of the track', async (t) => {
    const world = await startListed(t);
    const { database, dead, scheduleDead } = world;
    const user = await newUser(database);
    const track = (title: string, daysOld: number) =>
      newTrack(database, user, {
        title,
        created_at: new Date(Date.now() - daysOld * 86_400_000),
      });
    const failed = await track('Failed', 13);
    const exhausted = await track('Exhausted', 14);
    sendDeadLetter(dead, 'expired', await track('Expired', 16));
    const archived = await track('Archived', 13);
    await failTrack(world, failed, 'host_not_allowed');
    sendDeadLetter(dead, 'host_not_allowed', failed);
    await failTrack(world, exhausted, 'provider_timeout');
    await exhaust(world, exhausted);
    sendDeadLetter(dead, 'provider_gone', archived);
    await service(database)("select mark_track_archived($1, 'https://s/a.mp3')", [archived]);
    const gone = sendDeadLetter(dead, 'provider_gone');
    undelivered(scheduleDead);
    dead.send('\u001b[31mnot ours', {});

    const ended = await world.run(['dlq', 'list', '--json'], fromSecret);
    assert.equal(ended.code, 0, ended.stderr);
    const { ok, database: asked, queues, messages } = reportOf(ended);
    assert.deepEqual([ok, asked], [true, { problem: null }]);
    assert.deepEqual(queues, [
      { queue: 'dead-letter', found: 6, inFlight: 0, seen: 6 },
      { queue: 'schedule-dead-letter', found: 1, inFlight: 0, seen: 1 },
    ]);
    assert.deepEqual(
      messages.map(({ title }: { title: string }) => title),
      ['Exhausted', 'Failed', 'Archived', 'Expired', null, null, null],
      'the most urgent first, then what nobody can save any more',
    );
    const of = (id: string) => messages.find(({ trackId }: { trackId: string }) => trackId === id);
    const { messageId, since, expiresAt, ...first } = of(exhausted);
    assert.match(messageId, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000, since);
    const inDays = (Date.parse(expiresAt) - Date.now()) / 86_400_000;
    assert.ok(inDays > 0.9 && inDays <= 1, expiresAt);
    assert.deepEqual(first, {
      queue: 'dead-letter',
      trackId: exhausted,
      title: 'Exhausted',
      code: 'provider_timeout',
      reason: 'because of provider_timeout',
      track: 'failed',
      archivedAt: null,
    });
    assert.deepEqual([of(failed).code, of(failed).track], ['host_not_allowed', 'failed']);
    assert.equal(of(archived).track, 'archived');
    assert.notEqual(of(archived).archivedAt, null);
    assert.deepEqual([of(gone).track, of(gone).title], ['deleted', null]);
    assert.equal(
      messages.find(({ trackId }: Record<string, string>) => !trackId).code,
      'message_invalid',
    );
    assert.deepEqual(
      messages
        .map(({ queue }: { queue: string }) => queue)
        .filter((name: string) => name !== 'dead-letter'),
      ['schedule-dead-letter'],
    );

    const lines = await world.run(['dlq', 'list'], fromSecret);
    assert.match(lines.stdout, /^Dead-letter queue: 6 messages\n/);
    assert.match(
      lines.stdout,
      /“Exhausted”\n {4}provider_timeout, .* ago, deadline in 23 h 5\d min, failed/,
    );
    assert.match(lines.stdout, /archived meanwhile/);
    assert.ok(!lines.stdout.includes('\u001b'), 'nothing that others wrote drives the terminal');
    for (const { stdout, stderr } of [ended, lines]) {
      const printed = stdout + stderr;
      assert.ok(!printed.includes(world.gateway.keys.secret));
      assert.doesNotMatch(printed, /whsec_|test-secret-access-key/);
    }
  });

  test('what SQS moved itself is described by the job, not by attributes of an earlier failure', async (t) => {
    const world = await startListed(t);
    const { archive, dead, database, clock } = world;
    const track = await newTrack(database, await newUser(database));
    sendDeadLetter(dead, 'host_not_allowed', track);
    assert.equal((await world.run(['redrive', '--yes'])).code, 0);
    assert.equal(archive.messages[0]?.attributes.code?.StringValue, 'host_not_allowed');
    await failTrack(world, track, 'provider_timeout');
    const signal = new AbortController().signal;
    for (let receives = 0; receives < 6; receives += 1) {
      await archive.receive({ max: 1, waitSeconds: 0, visibilitySeconds: 1, signal });
      await clock.advanceTo(clock.now() + 1001);
    }
    assert.equal(dead.messages.length, 1);
    const [message] = reportOf(await world.run(['dlq', 'list', '--json'], fromSecret)).messages;
    assert.equal(message.code, 'provider_timeout');
  });

  test('sees each of many messages once, and releases all of them', async (t) => {
    const world = await startDlqWorld(t);
    const tracks = Array.from({ length: 137 }, () => sendDeadLetter(world.dead, 'internal')).sort();
    const { messages } = reportOf(await world.run(['dlq', 'list', '--json']));
    assert.deepEqual(messages.map(({ trackId }: { trackId: string }) => trackId).sort(), tracks);
    assert.deepEqual(world.dead.counts(), { visible: 137, inFlight: 0 });
    assert.deepEqual(tracksIn(world.dead), tracks);
  });

  test('interrupted, it releases what it has seen', async (t) => {
    const world = await startDlqWorld(t);
    for (let index = 0; index < 50; index += 1) sendDeadLetter(world.dead, 'internal');
    let receives = 0;
    const run = world.start(['dlq', 'list', '--json']);
    world.proxy.intercept = (request) => {
      if (request.headers['x-amz-target'] === 'AmazonSQS.ReceiveMessage') receives += 1;
      if (receives === 3) run.child.kill('SIGINT');
      return false;
    };
    const ended = await run.ended;
    assert.equal(ended.code, 130);
    assert.equal(reportOf(ended).interrupted, true);
    assert.deepEqual(world.dead.counts(), { visible: 50, inFlight: 0 });
  });

  test('without a database it says so and lists what the messages say', async (t) => {
    const world = await startDlqWorld(t);
    const track = sendDeadLetter(world.dead, 'provider_gone');
    for (const [environment, problem] of [
      [{}, /set SUPABASE_URL and SUPABASE_SECRET_KEY, or SECRET_ID/],
      [fromSecret, /the secret in AWS has no value yet/],
      [
        { SUPABASE_URL: 'http://127.0.0.1:1', SUPABASE_SECRET_KEY: 'sb_secret_hidden' },
        /get_archiving_states: .*fetch failed/,
      ],
    ] as const) {
      const ended = await world.run(['dlq', 'list', '--json'], environment);
      assert.equal(ended.code, 0);
      const { database, messages } = reportOf(ended);
      assert.match(database.problem, problem);
      assert.match(ended.stderr, /The database was not asked/);
      assert.doesNotMatch(ended.stdout + ended.stderr, /sb_secret_hidden/);
      const { trackId, code, track: state, expiresAt } = messages[0];
      assert.deepEqual(
        [trackId, code, state, expiresAt],
        [track, 'provider_gone', 'unknown', null],
      );
    }
  });
});
