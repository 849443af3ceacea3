import assert from 'node:assert/strict';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { moveClock } from '../../migrations/app.ts';
import { queued, schedules } from '../enqueue/post.ts';
import { insertTrack, readJob } from '../tracks.ts';
import { startWorld, type World } from '../world.ts';
import { audio_url, due, insertMany, nothing, sweeper, unplanned } from './sweeping.ts';

test('a track that fails does not hold up the others, and the sweep says that it failed', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertMany(world, 3);
  await moveClock(world.database, unplanned);
  let calls = 0;
  world.supabase.intercept = (request, response) => {
    if (!request.url?.endsWith('/rpc/plan_track_archiving') || calls++ > 0) return false;
    response.writeHead(503).end('{"code":"PGRST002","message":"no connection"}');
    return true;
  };
  await assert.rejects(sweep(), /met 1 errors/);
  assert.equal(queued(world).length, 2);
  await moveClock(world.database, '22 minutes');
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
});

test('without the Scheduler, what is due goes onto the queue all the same, and the sweep says what failed', async (t) => {
  const world = await startWorld(t);
  world.environment.SCHEDULE_GROUP = 'a-group-that-is-gone';
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  await insertTrack(world, { audio_url });
  await moveClock(world.database, unplanned);
  await assert.rejects(sweep(), /met 1 errors/);
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
});

test('without the queue, waiting tracks get their schedules, and nothing is marked as sent', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  const later = await insertTrack(world, { audio_url });
  await moveClock(world.database, unplanned);
  await world.sqs.send(new DeleteQueueCommand({ QueueUrl: world.queueUrl }));
  await assert.rejects(sweep(), /met 1 errors/);
  assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
  assert.equal((await readJob(world, track.id)).queued_at, null);
});

const steps = [
  ['a count', 'get_archiving_backlog'],
  ['deadlines', 'refresh_deadlines'],
  ['tracks from before', 'adopt_tracks'],
  ['jobs that are missing', 'open_missing_jobs'],
  ['an audit', 'audit_stored_files'],
  ['leftovers', 'get_removable_objects'],
  ['sums', 'compact_track_counts'],
] as const;

test.for(steps)(
  '%s that the database cannot give does not hold up the tracks',
  async ([, call], t) => {
    const world = await startWorld(t);
    const sweep = await sweeper(world);
    const track = await insertTrack(world, due);
    const later = await insertTrack(world, { audio_url });
    await moveClock(world.database, unplanned);
    failing(world, call);
    await assert.rejects(sweep(), /met 1 errors/);
    assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
    assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
  },
);

test('a sweep that is given no tracks looks after the archive all the same', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  await moveClock(world.database, unplanned);
  await world.database.query(
    "insert into track_archiving_leftovers (bucket_id, object_name, reason) values ('tracks-audio', 'a/b.mp3', 'replaced')",
  );
  failing(world, 'take_stalled_tracks');
  await assert.rejects(sweep(), /met 1 errors/);
  assert.deepEqual(await world.database.query('select from track_archiving_leftovers'), []);
  assert.deepEqual(queued(world), []);
  world.supabase.intercept = () => false;
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
});

test('a sweep that cannot ask the database or AWS says so and changes nothing', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  await moveClock(world.database, unplanned);
  world.aws.wipe();
  await assert.rejects(sweep());
  const before = await readJob(world, track.id);
  assert.deepEqual([before.status, before.queued_at, before.attempt], ['pending', null, 0]);
  world.supabase.intercept = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  await assert.rejects(sweep());
  assert.deepEqual(await readJob(world, track.id), before);
});

/** Lets one function of the database end in a statement timeout. */
function failing(world: World, call: string): void {
  world.supabase.intercept = (request, response) => {
    if (!request.url?.endsWith(`/rpc/${call}`)) return false;
    request.resume();
    response.writeHead(500).end('{"code":"57014","message":"statement timeout"}');
    return true;
  };
}
