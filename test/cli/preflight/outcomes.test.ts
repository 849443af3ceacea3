import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../../support/database.ts';
import { connectFirst, startWorld } from '../connect/world.ts';
import { appDatabase, fillApp, found, preflightOf, runPreflight } from './world.ts';

test('an empty project fits, before and after the installation, and its policies are the same', async (t) => {
  for (const migrated of [false, true]) {
    const db = await testDatabase(t, { migrated });
    const { code, output } = await runPreflight(db.url);
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /^✗/m);
  }
});

test('an app of which no track is completed by that word is stopped before it is connected', async (t) => {
  const world = await startWorld(t, { migrated: false });
  await fillApp(world.database);
  await world.database.query("update tracks set status = 'succeeded' where status = 'completed'");
  const alone = await runPreflight(world.database.url);
  assert.equal(alone.code, 1, alone.errors);
  assert.match(
    alone.output,
    /^✗ the status .*: no track is completed, and .*“succeeded”.* would not/m,
  );
  const stopped = await connectFirst(world);
  assert.equal(stopped.code, 1);
  assert.match(stopped.output, /no track is completed.*Nothing was changed; --force goes on/);
  assert.equal(world.aws.secret, undefined);
  const forced = await world.run(['--force'], { SUPABASE_SECRET_KEY: 'sb_secret_of_this_test' });
  assert.equal(forced.code, 0, forced.output);
  const again = await world.run([]);
  assert.equal(again.code, 0, 'what is installed already can be connected');
});

test('a private bucket of the app is a problem, since connecting would open it', async (t) => {
  const db = await appDatabase(t);
  await db.query("update storage.buckets set public = false where id = 'tracks-covers'");
  const { level, text } = found(await preflightOf(db.url), 'keep their settings');
  assert.equal(level, 'problem');
  assert.match(
    text,
    /^tracks-covers is private, and connecting would make all of its files public/,
  );
});

test('a role that does not see every row, and a database without Storage, are told so at once', async (t) => {
  const db = await appDatabase(t);
  const hidden = await runPreflight(db.apiUrl);
  assert.equal(hidden.code, 2);
  assert.match(
    hidden.errors,
    /^The role authenticator does not see every row of \w+: use .* postgres$/m,
  );
  const bare = await runPreflight(db.adminUrl.replace(/\/[^/]*$/, '/postgres'));
  assert.equal(bare.code, 2);
  assert.match(bare.errors, /The database has no Storage: is it a Supabase project\?/);
});

test('what is missing, wrong or does not answer ends with 2, and no password is printed', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  const given: [url: string | undefined, says: RegExp][] = [
    [undefined, /--database-url: is missing, here or in SUPABASE_DB_URL/],
    ['mysql://127.0.0.1/x', /must be a postgres:\/\/ address/],
    ['postgres://postgres:top-secret@127.0.0.1:1/x', /Cannot connect to the database/],
    [`${db.url.replace(/\/[^/]*$/, '/no_such_database')}`, /does not exist/],
  ];
  for (const [url, says] of given) {
    const { code, output, errors } = await runPreflight(url);
    assert.equal(code, 2, output);
    assert.match(errors, says);
    assert.doesNotMatch(output + errors, /top-secret/);
    const json = await runPreflight(url, '--json');
    assert.equal(JSON.parse(json.output).ok, false);
  }
  const help = await runPreflight(undefined, '--help');
  assert.equal(help.code, 0);
  assert.match(help.output, /Exit codes: 0 it fits, perhaps with warnings; 1 there are problems/);
});
