import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectFirst, resultsOf, startWorld } from './world.ts';

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
