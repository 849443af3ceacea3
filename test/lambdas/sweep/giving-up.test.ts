import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { moveClock } from '../../migrations/app.ts';
import { deadLetters } from '../archive/deliver.ts';
import { insertTrack, readJob } from '../tracks.ts';
import { startWorld } from '../world.ts';
import { attemptInVain, due, expired, nothing, sweeper, unplanned } from './sweeping.ts';

test('an expired track gets a last attempt, then fails as expired, with its owner notified and a dead letter', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, expired);
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  await moveClock(world.database, '91 minutes');
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 }, 'nobody has come for it yet');
  await attemptInVain(world, track.id);
  await moveClock(world.database, '182 minutes');
  assert.deepEqual(await sweep(), { ...nothing, expired: 1 });
  const job = await readJob(world, track.id);
  assert.deepEqual([job.status, job.error_code], ['failed', 'expired']);
  const [letter, ...others] = deadLetters(world);
  assert.deepEqual(others, []);
  assert.equal(letter?.body, archiveMessage(track.id, 'sweep'));
  assert.equal(letter?.attributes.code, 'expired');
  assert.equal((await world.database.query('select from public.notifications')).length, 1);
  assert.deepEqual(await sweep(), nothing);
});

test('a sweep that dies before the dead letter of an expired track is written leaves it to the next one', async (t) => {
  const world = await startWorld(t);
  const { DEAD_LETTER_QUEUE_URL: url = '' } = world.environment;
  world.environment.DEAD_LETTER_QUEUE_URL = `${url}-that-is-not-there`;
  const dying = await sweeper(world);
  world.environment.DEAD_LETTER_QUEUE_URL = url;
  const sweep = await sweeper(world);
  const track = await insertTrack(world, expired);
  await attemptInVain(world, track.id);
  for (const later of ['91 minutes', '107 minutes']) {
    await moveClock(world.database, later);
    await assert.rejects(dying(), /met 2 errors/, 'this one, and the look at the queue');
    assert.deepEqual(deadLetters(world), []);
    assert.equal((await readJob(world, track.id)).status, 'pending');
  }
  await moveClock(world.database, '123 minutes');
  assert.deepEqual(await sweep(), { ...nothing, expired: 1 });
  assert.deepEqual(
    deadLetters(world).map(({ attributes }) => [attributes.code, attributes.trackId]),
    [['expired', track.id]],
  );
  assert.equal((await world.database.query('select from public.notifications')).length, 1);
  assert.deepEqual(await sweep(), nothing);
});

test('a job whose workers crashed five times fails as worker_crashed', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await world.database.query("select claim_track_archiving($1, 60, 'w')", [track.id]);
    await moveClock(world.database, `${attempt * 2} minutes`);
  }
  assert.deepEqual(await sweep(), { ...nothing, abandoned: 1 });
  assert.equal((await readJob(world, track.id)).error_code, 'worker_crashed');
  assert.equal(deadLetters(world)[0]?.attributes.code, 'worker_crashed');
});
