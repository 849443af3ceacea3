import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { demoHosts } from '../../local/provider/server.ts';
import { startStack } from '../../local/stack.ts';
import { bundles } from '../support/bundles.ts';
import { until } from '../support/until.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/pg-cron.md'), 'utf8');
const [secrets = '', job = '', ...others] = [...text.matchAll(/```sql\n(.+?)```/gs)].map(
  ([, sql]) => sql ?? '',
);

test('the SQL of docs/pg-cron.md archives what is due', async (t) => {
  assert.deepEqual(others, []);
  const stack = await startStack({ bundles });
  t.onTestFinished(() => stack.stop());
  const { database, functions, provider, supabase } = stack;

  // pg_cron is not in this Postgres: what its schedule() was given is run by hand.
  await database.query(`create schema cron; create table cron.job (jobname text, schedule text, command text);
    create function cron.schedule(text, text, text) returns void language sql
      as $$ insert into cron.job values ($1, $2, $3) $$`);
  await database.query(
    secrets
      .replace('<ArchiveTracksUrl>', functions.archiveTracksUrl)
      .replace('<the secret key or the service role key>', supabase.secretKey),
  );
  await database.query(job);
  const { rows } = await database.query('select * from cron.job');
  assert.deepEqual([rows.length, rows[0].schedule], [1, '0 3 * * *']);
  assert.doesNotMatch(rows[0].command, /sb_secret_|eyJ|127\.0\.0\.1/);

  const [user, id] = [randomUUID(), randomUUID()];
  const address = `https://${demoHosts.suno}/${id}.mp3`;
  const file = readFileSync(join(import.meta.dirname, '../fixtures/song.mp3'));
  provider.serve(address, file);
  await database.query('insert into auth.users (id) values ($1)', [user]);
  // Without a webhook: nothing but the timer knows of it.
  await database.query(`begin; select set_config('archiver.webhooks', '500', true);
    insert into tracks (id, user_id, title, prompt, status, provider, audio_url, created_at)
    values ('${id}', '${user}', 'T', '', 'completed', 'suno', '${address}', now() - interval '14 days'); commit`);

  await database.query(rows[0].command);
  await until(async () => {
    const found = await database.query('select from tracks where id = $1 and archived_to_storage', [
      id,
    ]);
    return found.rowCount === 1;
  });
});
