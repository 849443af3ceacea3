import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'vitest';
import { labelledMedia } from '../../../local/provider/media.ts';
import { demoHosts } from '../../../local/provider/server.ts';
import { type Stack, startStack } from '../../../local/stack.ts';
import { addressesOf } from '../../../local/story/addresses.ts';
import { bundles } from '../../support/bundles.ts';
import { testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';
import { bodyOf } from './world.ts';

async function start(t: TestContext): Promise<Stack> {
  const database = await testDatabase(t);
  const stack = await startStack({
    database,
    retryBaseDelay: 5,
    bundles,
  });
  t.onTestFinished(() => stack.stop());
  return stack;
}

/** Runs the command line that `npm start` prints, in a shell, with other parameters. */
async function operate(
  stack: Stack,
  parameters: string,
): Promise<{ code: number; output: string }> {
  const line = addressesOf(stack)['Command for failed tracks'] ?? '';
  const command = join(import.meta.dirname, '../../../cli/track-archiver.ts');
  const child = spawn(
    'sh',
    ['-c', line.replace('npx track-archiver dlq list', `"$NODE" "${command}" ${parameters}`)],
    { env: { PATH: process.env.PATH ?? '', NODE: process.execPath } },
  );
  const code = new Promise<number>((ended) => child.once('close', ended));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output: output + errors };
}

test('a track that failed for good is archived by a new job after redrive, once, though its message is doubled', async (t) => {
  const stack = await start(t);
  const { database, provider, aws } = stack;
  const song = await labelledMedia('song.mp3', 'redriven');
  const address = `https://${demoHosts.suno}/redriven.mp3`;
  provider.serve(address, song);
  await database.query(
    "update track_archiving_policies set allowed_hosts = '{elsewhere.example}' where provider = 'suno'",
  );
  const user = randomUUID();
  await database.query('insert into auth.users (id) values ($1)', [user]);
  const { rows } = await database.query(
    `insert into tracks (user_id, title, prompt, status, provider, audio_url)
     values ($1, 'Redriven', 'a sine', 'completed', 'suno', $2) returning id`,
    [user, address],
  );
  const [{ id }] = rows;
  await until(async () => (await stack.scheduleNames()).length === 1);
  const archive = aws.endpoint.queue?.('track-archiver-archive');
  const dead = aws.endpoint.queue?.('track-archiver-dead-letter');
  archive?.send(bodyOf(id));
  await until(() => dead?.messages.length === 1);

  const listed = await operate(stack, 'dlq list');
  assert.equal(listed.code, 0, listed.output);
  assert.match(listed.output, new RegExp(`${id} “Redriven”\\n {4}host_not_allowed, .* failed\\n`));

  await database.query(
    `update track_archiving_policies set allowed_hosts = '{${demoHosts.suno}}' where provider = 'suno'`,
  );
  const redriven = await operate(stack, 'redrive --yes');
  assert.equal(redriven.code, 0, redriven.output);
  assert.match(redriven.output, /Dead-letter queue: 1 message moved, 0 left/);
  // As a command that was killed between sending and deleting leaves it.
  archive?.send(bodyOf(id));
  await until(() => archive?.messages.length === 0);
  await stack.quiet();
  const jobs = await database.query(
    'select status, error_code from track_archiving_jobs where track_id = $1 order by created_at',
    [id],
  );
  assert.deepEqual(jobs.rows, [
    { status: 'failed', error_code: 'host_not_allowed' },
    { status: 'completed', error_code: null },
  ]);
  assert.equal(provider.requests.filter(({ url }) => url === address).length, 1);
  const objects = await database.query('select name from storage.objects');
  assert.deepEqual(objects.rows, [{ name: `${user}/${id}.mp3` }]);
  assert.equal(dead?.messages.length, 0);
});
