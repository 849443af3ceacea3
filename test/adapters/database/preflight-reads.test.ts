import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readPolicies } from '../../../adapters/database/policies.ts';
import { createReader, isTimeout } from '../../../adapters/database/reader.ts';
import { planSample, smaller } from '../../../adapters/database/sample.ts';
import { readApp } from '../../../cli/preflight/app.ts';
import { onConnection } from '../../migrations/app.ts';
import { testDatabase } from '../../support/database.ts';

test('a reader can write nothing, ends what takes too long, and leaves no transaction open', async (t) => {
  const db = await testDatabase(t);
  await onConnection(db, async (client) => {
    const read = createReader(client);
    await assert.rejects(read("insert into public.tracks (title) values ('x')"), { code: '25006' });
    await assert.rejects(read('select pg_sleep(5)', [], 0.1), (error) => isTimeout(error));
    const [row] = (await client.query('show transaction_read_only')).rows;
    assert.deepEqual(row, { transaction_read_only: 'off' });
    assert.deepEqual(await read('select 1 as one'), [{ one: 1 }]);
  });
});

test('the policies before the installation are those that the migrations insert', async (t) => {
  const db = await testDatabase(t);
  await onConnection(db, async (client) => {
    const read = createReader(client);
    const sorted = async (isInstalled: boolean) =>
      (await readPolicies(read, isInstalled)).sort((a, b) => (a.provider < b.provider ? -1 : 1));
    const before = await sorted(false);
    assert.deepEqual(before, await sorted(true));
    assert.ok(
      before.some(({ provider, allowedHosts }) => provider === '*' && allowedHosts.length > 8),
    );
  });
});

test('of a large table some blocks are read, and what they show is scaled', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await db.query(`create table public.songs (title text);
    insert into public.songs select repeat('x', 700) from generate_series(1, 20000); analyze public.songs`);
  await onConnection(db, async (client) => {
    const read = createReader(client);
    const whole = await planSample(read, 'public.songs');
    assert.deepEqual([whole.share, whole.clause], [1, '']);
    const sample = await planSample(read, 'public.songs', 400);
    assert.ok(sample.share > 0.1 && sample.share < 0.3);
    assert.ok(Math.abs(sample.rows - 20_000) < 1000);
    const [row] = await read<{ n: number }>(
      `select count(*)::int as n from public.songs as t${sample.clause}`,
    );
    const estimate = (row?.n ?? 0) / sample.share;
    assert.ok(estimate > 14_000 && estimate < 26_000, `${estimate}`);
    assert.ok(smaller(sample).share < sample.share / 10);
  });
});

test('where a table takes too long a smaller sample is tried, and that is said', async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await onConnection(db, async (client) => {
    const notes: string[] = [];
    const read = createReader(client);
    const { over } = await readApp(read, (text) => notes.push(text));
    const [answer, { share }] = await over('public.tracks', async (sample) => {
      if (sample.share > 0.01) await read('select pg_sleep(5)', [], 0.05);
      return 'done';
    });
    assert.equal(answer, 'done');
    assert.ok(share < 0.01);
    assert.match(notes[0] ?? '', /^public\.tracks: that took too long/);
  });
});
