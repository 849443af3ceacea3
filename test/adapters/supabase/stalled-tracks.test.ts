import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createDatabaseClient } from '../../../adapters/supabase/client.ts';
import { createStalledTrackList } from '../../../adapters/supabase/stalled-tracks.ts';
import { insertTrack } from '../../lambdas/tracks.ts';
import { startWorld } from '../../lambdas/world.ts';

const criteria = {
  schedulesSince: new Date(0),
  messagesSince: new Date(0),
  scheduleGrace: 1800,
  stallTimeout: 5400,
  maxAttempts: 5,
  retryableCodes: [],
};

test('both lists continue after the last entry, though nothing was done about those before it', async (t) => {
  const world = await startWorld(t);
  const access = { supabaseUrl: world.gateway.url, supabaseKey: world.gateway.keys.secret };
  const stalled = createStalledTrackList(createDatabaseClient(access));
  for (const days of [14, 13.9, 13.8, 2, 1, 0]) {
    await insertTrack(world, { created_at: new Date(Date.now() - days * 86_400_000) });
  }
  const due = await stalled.due(false, criteria, 100);
  const [, second] = due;
  assert.equal(due.length, 3);
  assert.deepEqual(await stalled.due(false, criteria, 100, second), due.slice(2));
  const waiting = await stalled.unscheduled(criteria, 100);
  assert.equal(waiting.length, 3);
  assert.deepEqual(await stalled.unscheduled(criteria, 1, waiting[0]), waiting.slice(1, 2));
});
