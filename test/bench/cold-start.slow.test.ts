import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'vitest';
import { type Bundle, makeBundles } from '../../bench/cold-start/bundles.ts';
import { startCold, takeTurns } from '../../bench/cold-start/measure.ts';
import { startOutside } from '../../bench/cold-start/outside.ts';
import { rowOf, table } from '../../bench/cold-start/table.ts';
import { median } from '../../bench/median.ts';

async function ground(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'cold-start-test-'));
  const outside = await startOutside(directory);
  t.onTestFinished(async () => {
    outside.stop();
    await rm(directory, { recursive: true });
  });
  return { directory, outside };
}

test('every bundle loads, and the enqueue Lambda answers a webhook with either client', async (t) => {
  const { directory, outside } = await ground(t);
  const bundles = await makeBundles(directory);
  const { bare, of } = await takeTurns(outside, bundles, 1);
  const rows = [...of].map(([bundle, starts]) => rowOf(bundle, starts, bare[0]?.start ?? 0));
  assert.deepEqual(
    rows.map(({ title, first }) => [title, first !== undefined]),
    [
      ['archive', false],
      ['archive-tracks', false],
      ['enqueue', true],
      ['sweep', false],
      ['enqueue, whole supabase-js', true],
    ],
  );
  for (const { load, first } of rows) {
    assert.ok(load.cpu > 0 && load.timesNode > 0 && load.at512 > 3 * load.cpu);
    assert.ok(first === undefined || first.cpu > 0);
  }
  const [usual, whole] = bundles.filter(({ takesWebhook }) => takesWebhook);
  assert.ok((whole?.bytes ?? 0) > (usual?.bytes ?? 0) + 100_000, 'the whole library is not in it');
  for (const text of table(rows, 1, 1).split('\n').slice(2, -2)) assert.ok(text.length <= 91, text);
});

test('a Lambda that does not load, or refuses the webhook, is an error and no number', async (t) => {
  const { directory, outside } = await ground(t);
  const bundleOf = async (title: string, source: string): Promise<Bundle> => {
    const file = join(directory, `${title}.mjs`);
    await writeFile(file, source);
    return { title, file, bytes: source.length, takesWebhook: true };
  };
  const exits = await bundleOf('exits', 'process.exit(3)');
  await assert.rejects(startCold(outside, exits), /exits ended with code 3/);
  const refuses = await bundleOf(
    'refuses',
    `export const handler = async () => ({ statusCode: 401, body: 'no' })`,
  );
  await assert.rejects(startCold(outside, refuses), /refuses answered 401 no/);
});

test('a median stands in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});
