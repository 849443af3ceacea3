import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { bury, reportOf, startDlqWorld } from './world.ts';

const noQueues = {
  ARCHIVE_QUEUE_URL: '',
  DEAD_LETTER_QUEUE_URL: '',
  SCHEDULE_DEAD_LETTER_ARN: '',
};

const refused: [what: string, parameters: string[], environment: object, expected: RegExp][] = [
  ['no Region', ['dlq', 'list'], { AWS_REGION: '' }, /Region is missing\nName the Region/],
  [
    'no credentials',
    ['redrive'],
    {
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
      AWS_CONFIG_FILE: '/nonexistent',
    },
    /Could not load credentials.*\nGive AWS credentials/,
  ],
  [
    'a queue that is not there',
    ['dlq', 'list', '--dead-letter-queue', 'elsewhere'],
    {},
    /QueueDoesNotExist[^\n]*\nIs it another Region .* \(Now: Region us-east-1, http:/,
  ],
  [
    'an endpoint where nobody answers',
    ['dlq', 'list', '--dead-letter-queue', 'x'],
    { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', ARCHIVE_QUEUE_URL: 'y' },
    /ECONNREFUSED[\s\S]*Nobody answers there/,
  ],
  [
    'some of the queues only',
    ['dlq', 'list'],
    { DEAD_LETTER_QUEUE_URL: '' },
    /--dead-letter-queue, DEAD_LETTER_QUEUE_URL: must be given too/,
  ],
  ['an unknown command', ['dlq', 'purge'], {}, /unknown command 'purge'/],
  ['an unknown option', ['redrive', '--force'], {}, /unknown option '--force'/],
];

describe.concurrent('what the command cannot begin with', () => {
  for (const [what, parameters, environment, expected] of refused) {
    test(`${what} is refused with exit code 2 and what to do`, async (t) => {
      const world = await startDlqWorld(t);
      const { code, stdout, stderr } = await world.run(parameters, { ...environment });
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
      assert.doesNotMatch(stdout + stderr, /test-secret-access-key|\n {4}at /);
    });
  }

  test('all that is wrong is said at once, without values', async (t) => {
    const world = await startDlqWorld(t);
    const { code, stderr } = await world.run(
      ['redrive', '--rate', '501', '--older-than', 'long', '--track', 'mine', '--code', 'a,'],
      { SUPABASE_URL: 'http://example.com', SUPABASE_SECRET_KEY: 'not_a_key' },
    );
    assert.equal(code, 2);
    for (const name of [
      '--rate',
      '--older-than',
      '--track',
      '--code',
      'SUPABASE_URL',
      'SUPABASE_SECRET_KEY',
    ]) {
      assert.match(stderr, new RegExp(`^ {2}${name}: `, 'm'));
    }
    assert.doesNotMatch(stderr, /example\.com|not_a_key/);
  });

  test('a code that no failure has is refused, not taken for nothing to do', async (t) => {
    const world = await startDlqWorld(t);
    bury(world.dead, 'provider_gone');
    for (const command of [['redrive'], ['dlq', 'drop']]) {
      const ended = await world.run([...command, '--yes', '--code', 'provider-gone']);
      assert.equal(ended.code, 2);
      assert.match(ended.stderr, /--code: must be a code of docs\/failures\.md/);
    }
  });

  test('with --json the error is JSON on stdout', async (t) => {
    const world = await startDlqWorld(t);
    const ended = await world.run(['dlq', 'list', '--json'], { AWS_REGION: '' });
    assert.equal(ended.code, 2);
    assert.match(reportOf(ended).error, /^Region is missing/);
    assert.equal(ended.stderr, '');
  });

  test('without queues it asks for the stack, by its name', async (t) => {
    const world = await startDlqWorld(t);
    const asked: string[] = [];
    world.proxy.intercept = async (request, response) => {
      if (request.headers['x-amz-target'] !== undefined) return false;
      asked.push(Buffer.concat(await request.toArray()).toString());
      const error = '<Code>ValidationError</Code><Message>Stack with id x does not exist</Message>';
      response.writeHead(400, { 'content-type': 'text/xml' });
      response.end(`<ErrorResponse><Error>${error}</Error></ErrorResponse>`);
      return true;
    };
    const { code, stderr } = await world.run(['dlq', 'list'], noQueues);
    assert.equal(code, 2);
    assert.match(stderr, /There is no stack track-archiver.*\nIs it another Region .*us-east-1/);
    await world.run(['redrive', '--stack', 'mine']);
    assert.match(asked[0] ?? '', /StackName=track-archiver$/);
    assert.match(asked.at(-1) ?? '', /StackName=mine/);
  });

  test('a queue that would give messages up itself is not looked at', async (t) => {
    const world = await startDlqWorld(t);
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: world.scheduleDead.arn,
      maxReceiveCount: 1,
    });
    await world.sqs.send(
      new CreateQueueCommand({ QueueName: 'chained', Attributes: { RedrivePolicy } }),
    );
    const chained = world.aws.queue('chained');
    assert.ok(chained);
    bury(chained, 'internal');
    const { code, stderr } = await world.run(['dlq', 'list', '--dead-letter-queue', 'chained']);
    assert.equal(code, 2);
    assert.match(stderr, /has a dead-letter queue of its own/);
    assert.equal(chained.messages[0]?.receives, 0);
  });

  test("the package's own command runs with the pinned Node", () => {
    const file = join(import.meta.dirname, '../../../cli/track-archiver.mjs');
    const help = spawnSync(process.execPath, [file, 'redrive', '--help'], { encoding: 'utf8' });
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /Usage: track-archiver redrive/);
  });
});
