import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeleteMessageBatchCommand, DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { archiveMessage } from '../../../core/message.ts';
import { maxInFlight } from '../../../core/timings.ts';
import type { SweepResult } from '../../../lambdas/sweep/sweep.ts';
import { moveClock } from '../../migrations/app.ts';
import { deadLetters, receive } from '../archive/deliver.ts';
import { queued, schedules } from '../enqueue/post.ts';
import { insertTrack, readJob, readTrack } from '../tracks.ts';
import { lambdaContext, loadHandler, startWorld, type World } from '../world.ts';

const audio_url = 'https://cdn.provider.example/song.mp3';
const hour = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour);
const due = { audio_url, created_at: hoursAgo(13 * 24 + 1) };
const expired = { audio_url, created_at: hoursAgo(15 * 24 + 1) };

const nothing: SweepResult = {
  dispatched: 0,
  scheduled: 0,
  expired: 0,
  abandoned: 0,
  ignored: 0,
  postponed: 0,
  failed: 0,
};

async function sweeper(world: World) {
  await world.database.query("update track_archiving_settings set installed_at = '2020-01-01Z'");
  const handler = await loadHandler<(event: object, context: object) => Promise<SweepResult>>(
    'sweep',
    world,
  );
  return (remaining?: number) => handler({}, lambdaContext(remaining));
}

/** Adds due tracks, the first the most urgent. */
async function insertMany(world: World, count: number): Promise<string[]> {
  const user = (await insertTrack(world, { audio_url, status: 'processing' })).userId;
  const rows = await world.database.query(
    `insert into tracks (user_id, title, prompt, status, provider, audio_url, created_at)
     select $1, 'T', '', 'completed', 'tester', $2, now() - interval '14 days' + n * interval '1 minute'
     from generate_series(1, $3::integer) as n returning id, created_at`,
    [user, audio_url, count],
  );
  return rows.sort((a, b) => a.created_at - b.created_at).map(({ id }) => id);
}

/** As if the archive Lambda had finished with every message. */
async function drain(world: World): Promise<void> {
  for (;;) {
    const { Records } = await receive(world);
    if (Records.length === 0) return;
    await world.sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: world.queueUrl,
        Entries: Records.map(({ messageId, receiptHandle }) => ({
          Id: messageId,
          ReceiptHandle: receiptHandle,
        })),
      }),
    );
  }
}

/** As if the archive Lambda had met a failure that time may mend, and its message had vanished. */
const attemptInVain = (world: World, trackId: string) =>
  world.database.query(
    "select release_track_archiving(job_id, fencing_token, 'provider_timeout', '') from claim_track_archiving($1, 60, 'w')",
    [trackId],
  );

test('tracks that no webhook announced are scheduled, or put on the queue where they are due', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const later = await insertTrack(world, { audio_url });
  const now = await insertTrack(world, due);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1, scheduled: 1 });
  assert.deepEqual(queued(world), [archiveMessage(now.id, 'sweep')]);
  assert.deepEqual([...(await schedules(world)).keys()], [`track-${later.id}`]);
  assert.ok((await readJob(world, later.id)).scheduled_at);
  assert.deepEqual(await sweep(), nothing, 'they are on their way');
});

test('two sweeps at once do no harm, and the next one finds nothing', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertTrack(world, { audio_url });
  const now = await insertTrack(world, due);
  await Promise.all([sweep(), sweep()]);
  assert.deepEqual([...new Set(queued(world))], [archiveMessage(now.id, 'sweep')]);
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
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  assert.deepEqual(queued(world), [archiveMessage(track.id, 'request')]);
});

test('a full queue takes no more than it can finish, the most urgent first', async (t) => {
  const world = await startWorld(t);
  world.environment.ARCHIVE_CONCURRENCY = '1';
  const most = maxInFlight(1);
  const sweep = await sweeper(world);
  const ids = await insertMany(world, most + 5);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: most, postponed: 5 });
  const sent = new Set(queued(world).map((body) => JSON.parse(body).trackId));
  assert.deepEqual(sent, new Set(ids.slice(0, most)));
  assert.deepEqual(await sweep(), { ...nothing, postponed: 5 });
  await drain(world);
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 5 });
});

test('what there is no time for is left to the next sweep', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertTrack(world, due);
  assert.deepEqual(await sweep(15_000), { ...nothing, postponed: 1 });
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
});

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

test('an expired track gets a last attempt, then fails as expired, with its owner told and a dead letter', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, expired);
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
  await sweep();
  await attemptInVain(world, track.id);
  await moveClock(world.database, '91 minutes');
  await assert.rejects(dying(), /met 1 errors/);
  await assert.rejects(dying(), /met 1 errors/);
  assert.deepEqual(deadLetters(world), []);
  assert.deepEqual(await sweep(), { ...nothing, expired: 1 });
  assert.deepEqual(
    deadLetters(world).map(({ attributes }) => [attributes.code, attributes.trackId]),
    [['expired', track.id]],
  );
  assert.equal((await world.database.query('select from public.notifications')).length, 1);
  assert.deepEqual(await sweep(), nothing);
});

test('what failed is tried again; when it expires that is said, and no second dead letter is written', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, { ...due, created_at: hoursAgo(13 * 24) });
  await world.database.query(
    "select fail_track_archiving(job_id, fencing_token, 'provider_timeout', '') from claim_track_archiving($1, 60, 'w')",
    [track.id],
  );
  assert.deepEqual(await sweep(), nothing);
  await moveClock(world.database, '7 hours');
  assert.deepEqual(await sweep(), { ...nothing, dispatched: 1 });
  await world.database.query(
    "select fail_track_archiving(job_id, fencing_token, 'provider_gone', '') from claim_track_archiving($1, 60, 'w')",
    [track.id],
  );
  await moveClock(world.database, '49 hours');
  assert.deepEqual(await sweep(), { ...nothing, expired: 1 });
  assert.equal((await readJob(world, track.id)).error_code, 'provider_gone');
  assert.deepEqual(deadLetters(world), []);
});

test('a long list is worked through to its end', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  await insertMany(world, 505);
  await world.database.query(
    `select fail_track_archiving(job_id, fencing_token, 'provider_gone', '')
     from tracks as t, claim_track_archiving(t.id, 60, 'w') where t.status = 'completed'`,
  );
  await moveClock(world.database, '3 days');
  assert.deepEqual(await sweep(), { ...nothing, expired: 505 });
});

test('a job whose workers died five times fails as worker_lost', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const track = await insertTrack(world, due);
  for (let attempt = 1; attempt <= 5; attempt++) {
    await world.database.query("select claim_track_archiving($1, 60, 'w')", [track.id]);
    await moveClock(world.database, `${attempt * 2} minutes`);
  }
  assert.deepEqual(await sweep(), { ...nothing, abandoned: 1 });
  assert.equal((await readJob(world, track.id)).error_code, 'worker_lost');
  assert.equal(deadLetters(world)[0]?.attributes.code, 'worker_lost');
});

test('a policy that became shorter reaches the tracks that wait: none is left until its files are gone', async (t) => {
  const world = await startWorld(t);
  const sweep = await sweeper(world);
  const now = await insertTrack(world, { audio_url, created_at: hoursAgo(4 * 24) });
  const later = await insertTrack(world, { audio_url, created_at: hoursAgo(24) });
  const gone = await insertTrack(world, { audio_url, created_at: hoursAgo(6 * 24) });
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
