import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { names } from '../../../local/stack/aws-resources.ts';
import { type Gateway, startGateway } from '../../../local/supabase/gateway.ts';
import { claim, newTrack, newUser, service } from '../../migrations/app.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import {
  bury,
  type DlqWorld,
  exhaust,
  reportOf,
  startDlqWorld,
  tracksIn,
  undelivered,
} from './world.ts';

interface Listed extends DlqWorld {
  database: TestDatabase;
  gateway: Gateway;
}

/** With a database, whose key is in the stack's secret. */
async function startListed(t: TestContext): Promise<Listed> {
  const last: (() => Promise<void>)[] = [];
  const database = await testDatabase({ after: (run) => last.push(run) });
  const gateway = await startGateway({
    databaseUrl: database.apiUrl,
    storageDirectory: '/nonexistent',
  });
  const world = await startDlqWorld(t);
  t.after(async () => {
    await gateway.stop();
    for (const run of last) await run();
  });
  world.secrets['track-archiver'] = JSON.stringify({
    supabaseUrl: gateway.url,
    supabaseKey: gateway.keys.secret,
    webhookSecrets: ['whsec_b25lIHNlY3JldCBvZiAyNCBieXRl'],
  });
  return { ...world, database, gateway };
}

const fromSecret = { SECRET_ID: 'track-archiver' };

async function failTrack({ database }: Listed, track: string, code: string): Promise<void> {
  const { job_id, fencing_token } = await claim(database, track);
  await service(database)('select fail_track_archiving($1, $2, $3, $4)', [
    job_id,
    fencing_token,
    code,
    `because of ${code}`,
  ]);
}

describe('dlq list', { concurrency: 2 }, () => {
  test('tells what, why, since when, until when, and what became of the track', async (t) => {
    const world = await startListed(t);
    const { database, dead, scheduleDead } = world;
    const user = await newUser(database);
    const track = (title: string, daysOld: number) =>
      newTrack(database, user, {
        title,
        created_at: new Date(Date.now() - daysOld * 86_400_000),
      });
    const buried = await track('Buried', 13);
    const exhausted = await track('Exhausted', 14);
    bury(dead, 'expired', await track('Expired', 16));
    const archived = await track('Archived', 13);
    await failTrack(world, buried, 'host_not_allowed');
    bury(dead, 'host_not_allowed', buried);
    await failTrack(world, exhausted, 'provider_timeout');
    await exhaust(world, exhausted);
    bury(dead, 'provider_gone', archived);
    await service(database)("select mark_track_archived($1, 'https://s/a.mp3')", [archived]);
    const gone = bury(dead, 'provider_gone');
    undelivered(scheduleDead);
    dead.send('\u001b[31mnot ours', {});

    const ended = await world.run(['dlq', 'list', '--json'], fromSecret);
    assert.equal(ended.code, 0, ended.stderr);
    const { ok, database: asked, queues, messages } = reportOf(ended);
    assert.deepEqual([ok, asked], [true, { problem: null }]);
    assert.deepEqual(queues, [
      { queue: 'dead-letter', found: 6, hidden: 0, seen: 6 },
      { queue: 'schedule-dead-letter', found: 1, hidden: 0, seen: 1 },
    ]);
    assert.deepEqual(
      messages.map(({ title }: { title: string }) => title),
      ['Exhausted', 'Buried', 'Archived', 'Expired', null, null, null],
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
    assert.deepEqual([of(buried).code, of(buried).track], ['host_not_allowed', 'failed']);
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

  test('finds the queues and the secret by the outputs of the stack', async (t) => {
    const world = await startListed(t);
    const { environment, gateway, proxy } = world;
    const outputs = {
      WebhookUrl: 'https://function.example/',
      SupabaseUrl: gateway.url,
      SecretArn: 'track-archiver',
      ArchiveQueueUrl: environment.ARCHIVE_QUEUE_URL,
      DeadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
      ScheduleDeadLetterQueueUrl: `${proxy.url}/000000000000/${names.scheduleDeadLetterQueue}`,
      ScheduleGroup: 'track-archiver',
    };
    const members = Object.entries(outputs).map(
      ([key, value]) =>
        `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
    );
    proxy.intercept = (request, response) => {
      if (request.headers['x-amz-target'] !== undefined) return false;
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(`<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
        <StackName>x</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>
        <StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs>
        </member></Stacks></DescribeStacksResult></DescribeStacksResponse>`);
      return true;
    };
    const track = await newTrack(world.database, await newUser(world.database));
    bury(world.dead, 'provider_gone', track);
    const ended = await world.run(['dlq', 'list', '--json', '--stack', 'mine']);
    const { database, messages } = reportOf(ended);
    assert.equal(database.problem, null);
    assert.deepEqual([messages[0].trackId, messages[0].title], [track, 'Песня']);
    const moved = await world.run(['redrive', '--yes', '--stack', 'mine']);
    assert.equal(moved.code, 0, moved.stderr);
    assert.deepEqual(tracksIn(world.archive), [track]);

    // To another project's database every track here looks deleted.
    bury(world.dead, 'provider_gone', track);
    const other = await startListed(t);
    const SUPABASE_SECRET_KEY = other.gateway.keys.secret;
    const drop = (SUPABASE_URL: string, key = SUPABASE_SECRET_KEY) =>
      world.run(['dlq', 'drop', '--archived', '--yes', '--json', '--stack', 'mine'], {
        SUPABASE_URL,
        SUPABASE_SECRET_KEY: key,
      });
    const elsewhere = await drop(other.gateway.url);
    assert.equal(elsewhere.code, 1);
    assert.match(reportOf(elsewhere).database.problem, /the stack serves http.*unset it/);
    assert.deepEqual(tracksIn(world.dead), [track]);
    const here = await drop(`${gateway.url}/`, gateway.keys.secret);
    assert.deepEqual([here.code, reportOf(here).database.problem], [0, null]);
  });

  test('what SQS moved itself is told by the job, not by attributes of an earlier failure', async (t) => {
    const world = await startListed(t);
    const { archive, dead, database, clock } = world;
    const track = await newTrack(database, await newUser(database));
    bury(dead, 'host_not_allowed', track);
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

  test('sees each of many messages once, and gives all of them back', async (t) => {
    const world = await startDlqWorld(t);
    const tracks = Array.from({ length: 137 }, () => bury(world.dead, 'internal')).sort();
    const { messages } = reportOf(await world.run(['dlq', 'list', '--json']));
    assert.deepEqual(messages.map(({ trackId }: { trackId: string }) => trackId).sort(), tracks);
    assert.deepEqual(world.dead.counts(), { visible: 137, inFlight: 0 });
    assert.deepEqual(tracksIn(world.dead), tracks);
  });

  test('interrupted, it gives back what it has seen', async (t) => {
    const world = await startDlqWorld(t);
    for (let index = 0; index < 50; index += 1) bury(world.dead, 'internal');
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

  test('without a database it says so and lists what the messages tell', async (t) => {
    const world = await startDlqWorld(t);
    const track = bury(world.dead, 'provider_gone');
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
