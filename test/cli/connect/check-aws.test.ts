import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeAws } from './fake-aws.ts';
import { connectFirst, failedChecks, startWorld } from './world.ts';

const broken: [check: string[], what: string, spoil: (aws: FakeAws) => unknown][] = [
  [
    ['the default policy is what the stack says'],
    'another default policy than the stack was told',
    (aws) => {
      aws.outputs.DefaultRetentionDays = '30';
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

test('the doctor finds each broken thing in AWS, and only that', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const connected = structuredClone(world.aws);
  for (const [expected, what, spoil] of broken) {
    await t.test(what, async () => {
      Object.assign(world.aws, structuredClone(connected));
      await spoil(world.aws);
      const ended = await world.run(['--check', '--json']);
      assert.equal(ended.code, 1);
      assert.deepEqual(failedChecks(ended), expected);
    });
  }
});
