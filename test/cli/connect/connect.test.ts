import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import { listMigrations } from '../../../adapters/database/migrations.ts';
import { ArchiverSecret } from '../../../core/environment.ts';
import { connectFirst, reportOf, startWorld, supabaseKey, supabaseUrl } from './world.ts';

const vaultQuery =
  "select name, decrypted_secret from vault.decrypted_secrets where name like 'track_archiver_%' order by name";

test('an empty project is migrated, both secrets are filled and a signed webhook arrives', async (t) => {
  const world = await startWorld(t, { migrated: false });
  const { code, output } = await connectFirst(world);
  assert.equal(code, 0, output);

  const recorded = await world.database.query(
    'select version, name from supabase_migrations.schema_migrations order by version',
  );
  assert.deepEqual(
    recorded,
    listMigrations().map(({ version, name }) => ({ version, name })),
  );
  const secret = ArchiverSecret.parse(JSON.parse(world.aws.secret ?? ''));
  assert.equal(secret.supabaseUrl, supabaseUrl);
  assert.equal(secret.supabaseKey, supabaseKey);
  assert.match(secret.webhookSecrets[0] ?? '', /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual(await world.database.query(vaultQuery), [
    { name: 'track_archiver_webhook_secret', decrypted_secret: secret.webhookSecrets[0] },
    { name: 'track_archiver_webhook_url', decrypted_secret: world.aws.webhookUrl },
  ]);
  assert.equal(world.aws.webhooks.length, 1);
  assert.match(output, /✓ send a signed test webhook.*answered 200 .*cancelled/);
  assert.ok(!output.includes(secret.webhookSecrets[0] ?? ''), 'prints no webhook secret');
  assert.ok(!output.includes(supabaseKey), 'prints no key');
  assert.ok(!output.includes(new URL(world.database.url).password), 'prints no password');
});

test('running again changes nothing and needs no key', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const before = [world.aws.secret, await world.database.query(vaultQuery)];
  const again = await world.run(['--json']);
  assert.equal(again.code, 0, again.output);
  assert.equal(reportOf(again).lines.length, 1, 'only the test webhook');
  assert.deepEqual([world.aws.secret, await world.database.query(vaultQuery)], before);
});

test('a dry run lists every step and changes nothing', async (t) => {
  const world = await startWorld(t, { migrated: false });
  const dry = await world.run(['--dry-run', '--json'], { SUPABASE_SECRET_KEY: supabaseKey });
  assert.equal(dry.code, 0, dry.output);
  const { lines } = reportOf(dry);
  assert.ok(lines.every(({ outcome }) => outcome === 'would'));
  assert.equal(lines.length, listMigrations().length + 5);
  assert.equal(world.aws.secret, undefined);
  assert.deepEqual(await world.database.query(vaultQuery), []);
  const [found] = await world.database.query(
    `select to_regclass('public.tracks') as tracks,
       to_regnamespace('supabase_migrations') as record`,
  );
  assert.deepEqual(found, { tracks: null, record: null });
  assert.equal(world.aws.webhooks.length, 0);
});

test('a stack that was made anew takes over the secret that the database signs with', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const first = ArchiverSecret.parse(JSON.parse(world.aws.secret ?? ''));
  world.aws.secret = undefined;
  assert.equal((await connectFirst(world)).code, 0);
  assert.deepEqual(JSON.parse(world.aws.secret ?? ''), first);
});

test('a moved endpoint, another key and a rotation under way are followed', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const [signing] = JSON.parse(world.aws.secret ?? '').webhookSecrets;
  const next = 'whsec_bmV3IG9uZSB0aGF0IGlzIHJvdGF0ZWQgaW4=';
  world.aws.secret = JSON.stringify({
    ...JSON.parse(world.aws.secret ?? ''),
    webhookSecrets: [next, signing],
  });
  const moved = `${world.aws.webhookUrl}?moved`;
  world.aws.outputs.WebhookUrl = moved;
  const ended = await world.run(['--json', '--dry-run'], {
    SUPABASE_SECRET_KEY: 'sb_secret_another',
  });
  assert.deepEqual(
    reportOf(ended).lines.map(({ title }) => title.slice(0, 45)),
    [
      'store in the secret in AWS: Supabase key',
      "store the webhook's address in Vault: http://",
      'send a signed test webhook, from the database',
    ],
  );
  await world.run([], { SUPABASE_SECRET_KEY: 'sb_secret_another' });
  assert.deepEqual(JSON.parse(world.aws.secret).webhookSecrets, [next, signing]);
  assert.deepEqual(await world.database.query(vaultQuery), [
    { name: 'track_archiver_webhook_secret', decrypted_secret: signing },
    { name: 'track_archiver_webhook_url', decrypted_secret: moved },
  ]);
});

test('what the endpoint refuses is reported, with exit code 1', async (t) => {
  const world = await startWorld(t);
  world.aws.webhookStatus = 500;
  const { code, output } = await connectFirst(world);
  assert.equal(code, 1);
  assert.match(output, /✗ send a signed test webhook.*answered 500/);
});

test('a large table without its index gets it, and an unfinished one is built again', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const state = () =>
    world.database.query(
      "select indisvalid from pg_index where indexrelid = to_regclass('public.tracks_archiving_worklist')",
    );
  await world.database.query('drop index public.tracks_archiving_worklist');
  assert.equal((await world.run()).code, 0);
  assert.deepEqual(await state(), [{ indisvalid: true }]);

  const admin = new pg.Client(world.database.adminUrl);
  await admin.connect();
  await admin.query(
    "update pg_index set indisvalid = false where indexrelid = 'public.tracks_archiving_worklist'::regclass",
  );
  await admin.end();
  assert.equal((await world.run()).code, 0);
  assert.deepEqual(await state(), [{ indisvalid: true }]);
});

test('a stack of before the sweep is connected all the same: an update begins with the migrations', async (t) => {
  const world = await startWorld(t);
  delete world.aws.outputs.SweepFunctionName;
  delete world.aws.outputs.ArchiveTracksUrl;
  assert.equal((await connectFirst(world)).code, 0);
});

test('what an operator keeps beside ours in the secret in AWS stays there', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const own = { ...JSON.parse(world.aws.secret ?? ''), note: 'ours' };
  world.aws.secret = JSON.stringify(own);
  const ended = await world.run([], { SUPABASE_SECRET_KEY: 'sb_secret_another' });
  assert.equal(ended.code, 0, ended.output);
  assert.deepEqual(JSON.parse(world.aws.secret), { ...own, supabaseKey: 'sb_secret_another' });
});
