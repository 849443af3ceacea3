import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'vitest';
import { labelledMedia } from '../local/provider/media.ts';
import { demoHosts } from '../local/provider/server.ts';
import { createQueues, createScheduleGroup } from '../local/stack/aws-resources.ts';
import { setWebhook } from '../local/stack/database.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { bundles } from './support/bundles.ts';

const hour = 3_600_000;
const day = 24 * hour;

async function start(t: TestContext): Promise<Stack> {
  const stack = await startStack({ bundles });
  t.onTestFinished(() => stack.stop());
  return stack;
}

/** pg_net does not retry: what it posts now is lost. */
const dropWebhooks = async ({ database, webhookSecret }: Stack) =>
  setWebhook(database, 'http://127.0.0.1:1/nobody-listens', webhookSecret);

async function insert(
  { database, provider }: Stack,
  name: keyof typeof demoHosts,
  columns: { created_at?: Date; metadata?: object } = {},
): Promise<string> {
  const [user, id] = [randomUUID(), randomUUID()];
  const address = `https://${demoHosts[name]}/${id}.mp3`;
  provider.serve(address, await labelledMedia('song.mp3', id));
  await database.query('insert into auth.users (id) values ($1)', [user]);
  await database.query(
    `insert into tracks (id, user_id, title, prompt, status, provider, audio_url, created_at, metadata)
     values ($1, $2, 'T', '', 'completed', $3, $4, coalesce($5, archiver.clock()), coalesce($6::jsonb, '{}'))`,
    [id, user, name, address, columns.created_at, columns.metadata],
  );
  return id;
}

/** The tracks that are not archived before their deadline, of these. */
async function lost({ database }: Stack, ids: string[]): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `select t.id from tracks as t, archiver.track_timing(t.provider, t.created_at, t.metadata) as timing
     where t.id = any ($1) and not (t.archived_to_storage and t.archived_at < timing.expires_at)`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

test('with every webhook lost, all tracks are archived before their deadline by the sweep alone', async (t) => {
  const stack = await start(t);
  await dropWebhooks(stack);
  const begin = stack.clock.now();
  const ids = [
    await insert(stack, 'suno'),
    await insert(stack, 'mureka'),
    await insert(stack, 'replicate'),
    await insert(stack, 'suno', { created_at: new Date(begin - 14 * day) }),
    await insert(stack, 'mureka', { metadata: { expires_at: new Date(begin + 3 * day) } }),
  ];
  for (let time = begin; time <= begin + 14.5 * day; time += 12 * hour) {
    await stack.clock.advanceTo(time);
    await stack.functions.sweep.invoke({});
    await stack.quiet();
    if (time === begin + day) ids.push(await insert(stack, 'suno'));
  }
  assert.deepEqual(await lost(stack, ids), []);
  assert.equal((await stack.scheduleNames()).length, 0);
  assert.equal(stack.provider.requests.length, ids.length, 'each was fetched once');
});

test('with all queues and schedules lost in the middle, two sweeps put everything back on its way', async (t) => {
  const stack = await start(t);
  const begin = stack.clock.now();
  const ids = await Promise.all(
    (['suno', 'mureka', 'suno'] as const).map((name) => insert(stack, name)),
  );
  await stack.quiet();
  assert.equal((await stack.scheduleNames()).length, 3);

  // One that is due lies on the queue when it is lost: its provider is away at the first try.
  await stack.clock.advanceTo(begin + 5 * day);
  const waiting = randomUUID();
  const [user] = (await stack.database.query('select id from auth.users limit 1')).rows;
  const address = `https://${demoHosts.suno}/${waiting}.mp3`;
  stack.provider.serve(address, await labelledMedia('song.mp3', waiting), {
    kind: 'flaky',
    failures: 1,
    by: 429,
    retryAfter: '1000',
  });
  await stack.database.query(
    `insert into tracks (id, user_id, title, prompt, status, provider, audio_url, created_at)
     values ($1, $2, 'T', '', 'completed', 'suno', $3, archiver.clock() - interval '14 days')`,
    [waiting, user.id, address],
  );
  await stack.quiet();
  assert.equal(stack.provider.requests.length, 1);

  await dropWebhooks(stack);
  stack.aws.endpoint.wipe?.();
  // AWS lets nobody make a queue anew within a minute.
  await stack.clock.advanceTo(stack.clock.now() + 60_000);
  await createQueues(stack.aws.sqs);
  await createScheduleGroup(stack.aws.scheduler);
  await stack.clock.advanceTo(begin + 5 * day + hour);
  for (const _ of [1, 2]) {
    await stack.functions.sweep.invoke({});
    await stack.quiet();
  }
  assert.deepEqual(await lost(stack, [waiting]), []);
  assert.equal((await stack.scheduleNames()).length, 3);

  await stack.clock.advanceTo(begin + 13 * day + hour);
  await stack.quiet();
  assert.deepEqual(await lost(stack, ids), []);
  assert.equal(stack.provider.requests.length, ids.length + 2);
});
