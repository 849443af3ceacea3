import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createDatabaseClient } from '../../../adapters/supabase/client.ts';
import { createLostTrackList } from '../../../adapters/supabase/lost-tracks.ts';
import { insertTrack } from '../../lambdas/tracks.ts';
import { startWorld } from '../../lambdas/world.ts';

const signs = {
  schedulesSince: new Date(0),
  messagesSince: new Date(0),
  scheduleGrace: 1800,
  silence: 5400,
  maxAttempts: 5,
  retryableCodes: [],
};

test('both lists continue after the last entry, though nothing was done about those before it', async (t) => {
  const world = await startWorld(t);
  const access = { supabaseUrl: world.gateway.url, supabaseKey: world.gateway.keys.secret };
  const lost = createLostTrackList(createDatabaseClient(access));
  for (const days of [14, 13.9, 13.8, 2, 1, 0]) {
    await insertTrack(world, { created_at: new Date(Date.now() - days * 86_400_000) });
  }
  const due = await lost.due(false, signs, 100);
  const [, second] = due;
  assert.equal(due.length, 3);
  assert.deepEqual(await lost.due(false, signs, 100, second), due.slice(2));
  const waiting = await lost.unscheduled(signs, 100);
  assert.equal(waiting.length, 3);
  assert.deepEqual(await lost.unscheduled(signs, 1, waiting[0]), waiting.slice(1, 2));
});
