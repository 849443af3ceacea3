import assert from 'node:assert/strict';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { queued, schedules } from '../enqueue/post.ts';
import { insertTrack, readJob } from '../tracks.ts';
import { startWorld } from '../world.ts';
import { audio_url, due, insertMany, nothing, sweeper } from './sweeping.ts';

test('a track that fails does not hold up the others, and the sweep says that it failed', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertMany(world, 3);
  let calls = 0;
  world.supabase.intercept = (request, response) => {
    if (!request.url?.endsWith('/rpc/plan_track_archiving') || calls++ > 0) return false;
    response.writeHead(503).end('{"code":"PGRST002","message":"no connection"}');
    return true;
  };
  await assert.rejects(sweep(), /met 1 errors/);
  assert.equal(queued(world).length, 2);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
});

test('without the Scheduler, what is due goes onto the queue all the same, and the sweep says what failed', async (t) => {
  const world = await startWorld(t);
  world.environment.SCHEDULE_GROUP = 'a-group-that-is-gone';
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  await insertTrack(world, { audio_url });
  await assert.rejects(sweep(), /met 2 errors/);
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
});

test('without the queue, waiting tracks get their schedules, and nothing is marked as sent', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  const later = await insertTrack(world, { audio_url });
  await world.sqs.send(new DeleteQueueCommand({ QueueUrl: world.queueUrl }));
  await assert.rejects(sweep(), /met 1 errors/);
  assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
  assert.equal(await readJob(world, track.id), undefined);
});

test('a list that the database cannot give, or a count, does not hold up the others', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  const later = await insertTrack(world, { audio_url });
  const without = async (call: string) => {
    world.supabase.intercept = (request, response) => {
      if (!request.url?.endsWith(`/rpc/${call}`)) return false;
      request.resume();
      response.writeHead(500).end('{"code":"57014","message":"statement timeout"}');
      return true;
    };
    await assert.rejects(sweep(), call === 'get_lost_tracks' ? /met 2 errors/ : /met 1 errors/);
  };
  await without('get_lost_tracks');
  assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
  await without('get_archiving_backlog');
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
  await without('move_archive_dates_forward');
});

test('a sweep that cannot ask the database or AWS says so and changes nothing', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertTrack(world, due);
  world.aws.wipe();
  await assert.rejects(sweep());
  world.supabase.intercept = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  await assert.rejects(sweep());
  assert.deepEqual(await world.database.query('select from track_archiving_jobs'), []);
});
