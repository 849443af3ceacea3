import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { afterSuite } from '../../support/cleanup.ts';
import type { FakeAws } from './fake-aws.ts';
import { type ConnectWorld, connectFirst, failedChecks, startWorld, supabaseKey } from './world.ts';

const broken: [check: string[], what: string, spoil: (aws: FakeAws) => unknown][] = [
  [
    ['the default policy is what the stack says'],
    'another default policy than the stack was told',
    (aws) => {
      aws.outputs.DefaultRetentionDays = '30';
    },
  ],
  [
    ['the default policy is what the stack says'],
    'another delay than the stack was told',
    (aws) => {
      aws.outputs.DefaultArchiveAfterDays = '10';
    },
  ],
  [
    ['clocks agree'],
    'an endpoint whose clock is two minutes behind',
    (aws) => {
      aws.clockSkew = -120;
    },
  ],
  [
    ['the timer of the sweep is on'],
    'a timer that somebody switched off',
    (aws) => {
      aws.timer = { State: 'DISABLED', target: 'track-archiver-sweep' };
    },
  ],
  [
    ['the timer of the sweep is on'],
    'a timer of another function',
    (aws) => {
      aws.timer = { State: 'ENABLED', target: 'track-archiver-archive' };
    },
  ],
  [
    ['the timer of the sweep is on'],
    'no timer',
    (aws) => {
      aws.timer = undefined;
    },
  ],
  [
    ['the timer of the sweep is on', 'archive-tracks asks for the key'],
    'a stack of before the sweep',
    (aws) => {
      delete aws.outputs.SweepFunctionName;
      delete aws.outputs.ArchiveTracksUrl;
    },
  ],
  [
    ['archive-tracks asks for the key'],
    'a manual door without a lock',
    (aws) => {
      aws.archiveTracksStatus = 200;
    },
  ],
  [
    ['Vault has the endpoint’s address'],
    'an address of before',
    (aws) => {
      aws.outputs.WebhookUrl = aws.webhookUrl.replace('127.0.0.1', 'localhost');
    },
  ],
  [
    ['a signed webhook is accepted'],
    'an endpoint that is not ours and answers 200',
    (aws) => {
      aws.webhookAnswer = { hello: 'world' };
    },
  ],
  [
    ['Vault and the secret agree', 'a signed webhook is accepted'],
    'different webhook secrets',
    (aws) => {
      const secret = JSON.parse(aws.secret ?? '');
      const webhookSecrets = ['whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg=='];
      aws.secret = JSON.stringify({ ...secret, webhookSecrets });
    },
  ],
  [
    ['queues are there'],
    'a queue without redrive',
    (aws) => {
      aws.redrive = undefined;
    },
  ],
  [
    ['the schedule group is there'],
    'no schedule group',
    (aws) => {
      aws.scheduleGroupState = undefined;
    },
  ],
  [
    ['an unsigned webhook is refused'],
    'an endpoint that takes anything',
    (aws) => {
      aws.acceptsEverything = true;
    },
  ],
  [
    ['the secret is filled'],
    'a secret of another project',
    (aws) => {
      const secret = JSON.parse(aws.secret ?? '');
      aws.secret = JSON.stringify({ ...secret, supabaseUrl: 'https://other.supabase.co' });
    },
  ],
];

describe('the doctor finds each broken thing in AWS, and only that', () => {
  const suite = afterSuite();
  let world: ConnectWorld;
  let connected: ConnectWorld['aws'];
  beforeAll(async () => {
    world = await startWorld(suite);
    await connectFirst(world);
    connected = structuredClone(world.aws);
  });
  for (const [expected, what, spoil] of broken) {
    test(what, async () => {
      Object.assign(world.aws, structuredClone(connected));
      await spoil(world.aws);
      const ended = await world.run(['--check', '--json']);
      assert.equal(ended.code, 1);
      assert.deepEqual(failedChecks(ended), expected);
    });
  }
});

test('what an operator may choose is no fault: an endpoint of one’s own, wider buckets, a rotation under way', async (t) => {
  const world = await startWorld(t);
  const own = ['--webhook-url', world.aws.webhookUrl.replace('127.0.0.1', 'localhost')];
  await world.run(own, { SUPABASE_SECRET_KEY: supabaseKey });
  await world.database.query(
    "update storage.buckets set allowed_mime_types = '{image/*}' where id = 'tracks-covers'",
  );
  await world.database.query(
    "update storage.buckets set allowed_mime_types = null where id = 'tracks-audio'",
  );
  const [signing] = JSON.parse(world.aws.secret ?? '').webhookSecrets;
  await world.database.query(
    `select vault.update_secret(id, $1) from vault.secrets where name = 'track_archiver_webhook_secret'`,
    [`whsec_bmV4dCBvbmUsIG5vdCBrbm93biB5ZXQ= ${signing}`],
  );
  const ended = await world.run([...own, '--check', '--json']);
  assert.deepEqual(failedChecks(ended), []);
});
