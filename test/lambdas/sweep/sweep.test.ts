import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
import { maxInFlight } from '../../../core/timings.ts';
import { moveClock } from '../../migrations/app.ts';
import { deadLetters } from '../archive/deliver.ts';
import { queued, schedules } from '../enqueue/post.ts';
import { insertTrack, readJob, readTrack } from '../tracks.ts';
import { startWorld } from '../world.ts';
import {
  audio_url,
  drain,
  due,
  hour,
  hoursAgo,
  insertMany,
  nothing,
  sweeper,
  unplanned,
} from './sweeping.ts';

test('tracks that no webhook reported are scheduled, or put on the queue where they are due', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const later = await insertTrack(world, { audio_url });
  const now = await insertTrack(world, due);
  assert.deepEqual(await sweep(), nothing, 'a webhook may still come');
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1, scheduled: 1 });
  assert.deepEqual(queued(world), [archiveMessage(now.id, 'sweep')]);
  assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
  assert.ok((await readJob(world, later.id)).scheduled_for);
  assert.ok((await readJob(world, now.id)).queued_at);
  assert.deepEqual(await sweep(), nothing, 'they are on their way');
});

test('two sweeps at once do no harm, and the next one finds nothing', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertTrack(world, { audio_url });
  const now = await insertTrack(world, due);
  await moveClock(world.database, unplanned);
  await Promise.all([sweep(), sweep()]);
  assert.deepEqual(queued(world), [archiveMessage(now.id, 'sweep')]);
  assert.equal((await schedules(world)).size, 1);
  assert.deepEqual(await sweep(), nothing);
});

test('a request whose webhook was lost is put on the queue as such', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, { audio_url });
  await world.database.asUser(track.userId, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [
      track.id,
      track.userId,
    ]),
  );
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'request')]);
});

test('a full queue takes no more than it can finish, the most urgent first', async (t) => {
  const world = await startWorld(t);
  world.environment.ARCHIVE_CONCURRENCY = '1';
  const most = maxInFlight(1);
  const sweep = await sweeper(world);
  const ids = await insertMany(world, most + 5);
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: most });
  const sent = new Set(queued(world).map((body) => JSON.parse(body).trackId));
  assert.deepEqual(sent, new Set(ids.slice(0, most)));
  assert.deepEqual(await sweep(), nothing, 'the others wait');
  await drain(world);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 5 });
});

test('what there is no time for is left to the next sweep', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertTrack(world, due);
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(15_000), { ...nothing, postponed: 1 });
  assert.deepEqual(await sweep(), nothing, 'it was taken a moment ago');
  await moveClock(world.database, '22 minutes');
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
});

test('what time may fix is tried again after it failed, and closed when it expires; what is final is not', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const failed = async (id: string, code: string, mayRetry: boolean) =>
    world.database.query(
      "select fail_track_archiving(job_id, fencing_token, $2, '', $3) from claim_track_archiving($1, 60, 'w')",
      [id, code, mayRetry],
    );
  const track = await insertTrack(world, { ...due, created_at: hoursAgo(13 * 24) });
  const final = await insertTrack(world, { ...due, created_at: hoursAgo(13 * 24) });
  await failed(final.id, 'provider_gone', false);
  await failed(track.id, 'provider_timeout', true);
  assert.deepEqual(await sweep(), nothing);
  await moveClock(world.database, '7 hours');
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'sweep')]);
  await failed(track.id, 'provider_unavailable', true);
  await moveClock(world.database, '49 hours');
  assert.deepEqual(await sweep(), { ...nothing, expired: 1 });
  assert.equal((await readJob(world, track.id)).error_code, 'expired');
  assert.equal((await readJob(world, final.id)).error_code, 'provider_gone');
  assert.deepEqual(
    deadLetters(world).map(({ attributes }) => [attributes.code, attributes.trackId]),
    [['expired', track.id]],
  );
  assert.deepEqual(await sweep(), nothing);
});

test('a long list is worked through to its end', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertMany(world, 505);
  await world.database.query(
    `select release_track_archiving(job_id, fencing_token, 'provider_timeout', '')
     from tracks as t, claim_track_archiving(t.id, 60, 'w') where t.status = 'completed'`,
  );
  await moveClock(world.database, '3 days');
  assert.deepEqual(await sweep(), { ...nothing, expired: 505 });
});

test('a policy that became shorter reaches the tracks that wait: none is left until its files are gone', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const now = await insertTrack(world, { audio_url, created_at: hoursAgo(4 * 24) });
  const later = await insertTrack(world, { audio_url, created_at: hoursAgo(24) });
  const gone = await insertTrack(world, { audio_url, created_at: hoursAgo(6 * 24) });
  await moveClock(world.database, unplanned);
  assert.deepEqual(await sweep(), { ...nothing, scheduled: 3 });
  await world.database.query(
    "update track_archiving_policies set retention = '5 days', archive_after = '3 days' where provider = 'tester'",
  );
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 2, scheduled: 1 });
  assert.deepEqual(
    queued(world).sort(),
    [now, gone].map(({ id }) => archiveMessage(id, 'sweep')).sort(),
  );
  const [[name, schedule] = [], ...others] = await schedules(world);
  assert.deepEqual([name, others], [`track-${later.id}`, []]);
  const { archive_scheduled_at, created_at } = await readTrack(world, later.id);
  assert.equal(archive_scheduled_at - created_at, 72 * hour);
  const at = archive_scheduled_at.toISOString().slice(0, 19);
  assert.equal(schedule?.ScheduleExpression, `at(${at})`);
  assert.deepEqual(await sweep(), nothing);
});
