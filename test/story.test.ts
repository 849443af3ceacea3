import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { labelledMedia } from '../local/provider/media.ts';
import { demoHosts } from '../local/provider/server.ts';
import { startStack } from '../local/stack.ts';
import { bundles } from './support/bundles.ts';
import { until } from './support/until.ts';

const day = 86_400_000;

test('a completed track is in Storage before its provider deletes it, with no other help', async (t) => {
  const stack = await startStack({ bundles });
  t.onTestFinished(() => stack.stop());
  const song = await labelledMedia('song.mp3', 'the one song');
  const address = `https://${demoHosts.suno}/song.mp3`;
  stack.provider.serve(address, song);

  // The app does what it always does.
  const user = randomUUID();
  await stack.database.query('insert into auth.users (id) values ($1)', [user]);
  const { rows } = await stack.database.query(
    `insert into tracks (user_id, title, prompt, status, provider, audio_url)
     values ($1, 'My song', 'a sine', 'completed', 'suno', $2) returning id, archive_scheduled_at, created_at`,
    [user, address],
  );
  const { id, archive_scheduled_at: scheduled, created_at: created } = rows[0];
  assert.equal(scheduled.getTime() - created.getTime(), 13 * day);

  // Its schedule waits for day 13; until then nobody asks the provider.
  await until(async () => (await stack.scheduleNames()).includes(`track-${id}`));
  await stack.clock.advanceTo(created.getTime() + 12 * day);
  await stack.quiet();
  assert.equal(stack.provider.requests.length, 0);

  await stack.clock.advanceTo(created.getTime() + 13.5 * day);
  const track = await until(async () => {
    const found = await stack.database.query('select * from tracks where id = $1', [id]);
    return found.rows[0].archived_to_storage ? found.rows[0] : undefined;
  });

  stack.provider.deleteEverything();
  assert.match(track.storage_audio_url, new RegExp(`/tracks-audio/${user}/${id}\\.mp3$`));
  const stored = await fetch(track.storage_audio_url);
  assert.deepEqual(Buffer.from(await stored.arrayBuffer()), Buffer.from(song));
  assert.equal(track.storage_cover_url, null);
  assert.deepEqual(await stack.scheduleNames(), []);
});
