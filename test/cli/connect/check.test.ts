import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnectWorld, connectFirst, failedChecks, resultsOf, startWorld } from './world.ts';

test('of a connected system every check holds, and nothing is changed', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const { secret } = world.aws;
  const ended = await world.run(['--check', '--json']);
  assert.equal(ended.code, 0, ended.output);
  assert.ok(resultsOf(ended).length >= 15);
  assert.equal(world.aws.secret, secret);
  const lines = await world.run(['--check']);
  assert.match(lines.output, /^✓ pg_net is there/m);
  assert.doesNotMatch(lines.output, /✗|mend/);
});

test('of a project that was never connected the doctor tells everything, with the mend', async (t) => {
  const world = await startWorld(t, { migrated: false });
  const ended = await world.run(['--check']);
  assert.equal(ended.code, 1);
  assert.match(ended.output, /✗ migrations are applied: missing: .*\n {4}mend: npm run connect/);
  assert.match(ended.output, /✗ triggers are enabled: .* is missing/);
  assert.match(ended.output, /✗ the secret is filled: it has no value/);
  assert.match(ended.output, /✗ a signed webhook is accepted/);
});

const sql = (statement: string) => async (world: ConnectWorld) => {
  await world.database.query(statement);
};

const broken: [check: string[], what: string, spoil: (world: ConnectWorld) => unknown][] = [
  [
    ['triggers are enabled'],
    'a disabled trigger',
    sql('alter table public.tracks disable trigger track_archiving_announce_update'),
  ],
  [
    ['migrations are applied'],
    'a migration that was not recorded',
    sql(
      'delete from supabase_migrations.schema_migrations where version = (select max(version) from supabase_migrations.schema_migrations)',
    ),
  ],
  [
    ['the worklist index is there'],
    'no worklist index',
    sql('drop index public.tracks_archiving_worklist'),
  ],
  [
    ['buckets and their limits are right'],
    'a bucket with another limit',
    sql("update storage.buckets set file_size_limit = 1000 where id = 'tracks-audio'"),
  ],
  [
    ['Vault has the endpoint’s address'],
    'an address of before',
    (world) => {
      world.aws.outputs.WebhookUrl = world.aws.webhookUrl.replace('127.0.0.1', 'localhost');
    },
  ],
  [
    ['Vault and the secret agree', 'a signed webhook is accepted'],
    'different webhook secrets',
    (world) => {
      const secret = JSON.parse(world.aws.secret ?? '');
      const webhookSecrets = ['whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg=='];
      world.aws.secret = JSON.stringify({ ...secret, webhookSecrets });
    },
  ],
  [
    ['queues are there'],
    'a queue without redrive',
    (world) => {
      world.aws.redrive = undefined;
    },
  ],
  [
    ['the schedule group is there'],
    'no schedule group',
    (world) => {
      world.aws.scheduleGroupState = undefined;
    },
  ],
  [
    ['an unsigned webhook is refused'],
    'an endpoint that takes anything',
    (world) => {
      world.aws.acceptsEverything = true;
    },
  ],
  [
    ['the endpoint is reachable', 'an unsigned webhook is refused', 'clocks agree'],
    'nobody at the endpoint',
    (world) => {
      world.aws.outputs.WebhookUrl = 'http://127.0.0.1:9/';
      return world.database.query(
        "select vault.update_secret(id, 'http://127.0.0.1:9/') from vault.secrets where name = 'track_archiver_webhook_url'",
      );
    },
  ],
  [
    ['clocks agree'],
    'a database two minutes ahead',
    sql(`create or replace function archiver.clock() returns timestamptz language sql stable
      set search_path = '' as $$ select now() + interval '2 minutes' $$`),
  ],
  [
    ['the secret is filled'],
    'a secret of another project',
    (world) => {
      const secret = JSON.parse(world.aws.secret ?? '');
      world.aws.secret = JSON.stringify({ ...secret, supabaseUrl: 'https://other.supabase.co' });
    },
  ],
];

test('the doctor finds each broken thing, and only that', async (t) => {
  for (const [expected, what, spoil] of broken) {
    await t.test(what, async (t) => {
      const world = await startWorld(t);
      await connectFirst(world);
      await spoil(world);
      const ended = await world.run(['--check', '--json']);
      assert.equal(ended.code, 1);
      const failed = failedChecks(ended);
      for (const name of expected) assert.ok(failed.includes(name), `${name}, of: ${failed}`);
      const allowed = [...expected, 'a signed webhook is accepted'];
      assert.deepEqual(
        failed.filter((name) => !allowed.includes(name)),
        [],
      );
    });
  }
});
