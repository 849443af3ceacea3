import assert from 'node:assert/strict';
import { test } from 'vitest';
import { startWorld, supabaseKey } from './world.ts';

test('without a key for an empty secret nothing is begun', async (t) => {
  const world = await startWorld(t, { migrated: false });
  const { code, output } = await world.run();
  assert.equal(code, 2);
  assert.match(output, /secret in AWS is empty: set SUPABASE_SECRET_KEY/);
  const [found] = await world.database.query("select to_regclass('public.tracks') as tracks");
  assert.equal(found.tracks, null);
});

test('all that is wrong is said at once, without values', async (t) => {
  const world = await startWorld(t);
  const { code, output } = await world.run(
    ['--webhook-url', 'http://example.com', '--supabase-url', 'nonsense'],
    {
      SUPABASE_DB_URL: 'mysql://me:hidden@example.com',
      SUPABASE_SECRET_KEY: 'not_a_key',
      SUPABASE_SERVICE_ROLE_KEY: 'nor.this',
    },
  );
  assert.equal(code, 2);
  for (const name of ['--database-url', '--webhook-url', '--supabase-url', 'SUPABASE_SECRET_KEY']) {
    assert.match(output, new RegExp(`^ {2}${name}`, 'm'));
  }
  assert.doesNotMatch(output, /hidden|not_a_key|nor\.this|\bat .*:\d+/);
});

const addresses: [what: string, address: string, expected: RegExp][] = [
  [
    'nobody answers',
    'postgres://me:hidden@localhost:9/postgres',
    /Cannot connect to the database: .*ECONNREFUSED/,
  ],
  [
    'has a bare % in its password',
    'postgres://me:hid%den@127.0.0.1:9/postgres',
    /--database-url: a % in the password must be written %25/,
  ],
  [
    'leads to the transaction pooler',
    'postgres://postgres.abcdefgh:hidden@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
    /--database-url: port 6543 is the transaction pooler/,
  ],
];

for (const [what, address, expected] of addresses) {
  test(`an address of the database that ${what} is refused in one line, without its password`, async (t) => {
    const world = await startWorld(t);
    const { code, output } = await world.run(['--database-url', address]);
    assert.equal(code, 2, output);
    assert.match(output, expected);
    assert.doesNotMatch(output, /hidden|hid%den|\bat .*:\d+/);
  });
}

const refused: [what: string, expected: RegExp, prepare: Parameters<typeof startRefused>[1]][] = [
  ['a stack that is not there', /There is no stack elsewhere/, () => ['--stack', 'elsewhere']],
  [
    'a stack that failed to deploy',
    /is ROLLBACK_COMPLETE/,
    (aws) => {
      aws.status = 'ROLLBACK_COMPLETE';
      return [];
    },
  ],
  [
    'a database of another project',
    /project zyxwvu, but the stack serves abcdefgh/,
    () => ['--database-url', 'postgres://postgres:hidden@db.zyxwvu.supabase.co/postgres'],
  ],
  [
    'a database of another project behind the pooler',
    /project zyxwvu, but the stack serves abcdefgh/,
    () => [
      '--database-url',
      'postgres://postgres.zyxwvu:hidden@aws-0-eu.pooler.supabase.com/postgres',
    ],
  ],
  [
    'to examine the database of another project',
    /project zyxwvu, but the stack serves abcdefgh/,
    () => [
      '--check',
      '--database-url',
      'postgres://postgres:hidden@db.zyxwvu.supabase.co/postgres',
    ],
  ],
  [
    'a secret that is not ours',
    /secret is not JSON/,
    (aws) => {
      aws.secret = 'somebody-wrote-this';
      return [];
    },
  ],
];

async function startRefused(
  t: Parameters<typeof startWorld>[0],
  prepare: (aws: Awaited<ReturnType<typeof startWorld>>['aws']) => string[],
) {
  const world = await startWorld(t);
  return world.run(prepare(world.aws), { SUPABASE_SECRET_KEY: supabaseKey });
}

for (const [what, expected, prepare] of refused) {
  test(`${what} is refused before anything is changed`, async (t) => {
    const { code, output } = await startRefused(t, prepare);
    assert.equal(code, 2, output);
    assert.match(output, expected);
    assert.doesNotMatch(output, /hidden|somebody-wrote-this/);
  });
}

test('a migration that fails leaves nothing of itself and stops what follows', async (t) => {
  const world = await startWorld(t, { migrated: false });
  await world.database.query('create table public.tracks (id uuid primary key)');
  const key = { SUPABASE_SECRET_KEY: supabaseKey };
  const { code, output } = await world.run(['--force'], key);
  assert.equal(code, 1);
  assert.match(output, /✗ apply migration \d+_adoption\.sql/);
  assert.equal(world.aws.secret, undefined);
  const recorded = await world.database.query(
    "select to_regclass('archiver.migrations') as record",
  );
  assert.deepEqual(recorded, [{ record: null }]);
});
