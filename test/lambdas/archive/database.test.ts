import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  files,
  insertTrack,
  insertWholeTrack,
  readJob,
  readTrack,
  requestsFor,
  serve,
  storedObjects,
} from '../tracks.ts';
import { startWorld, type World } from '../world.ts';
import { archiveLambda, deadLetters, deliverTrack } from './deliver.ts';

/** Lets the first `count` calls of a database function fail. */
function failCalls(world: World, name: string, count = Number.POSITIVE_INFINITY): void {
  let left = count;
  world.supabase.intercept = (request, response) => {
    if (!request.url?.endsWith(`/rpc/${name}`) || left-- <= 0) return false;
    response.writeHead(503).end('{"code":"PGRST002","message":"no connection"}');
    return true;
  };
}

test('a database that blinks costs the provider no second download', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const name of ['store_track_asset', 'complete_track_archiving']) {
    failCalls(world, name, 2);
    const url = serve(world, files.audio);
    const track = await insertTrack(world, { audio_url: url });
    assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
    assert.equal(requestsFor(world, url), 1);
    assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  }
});

test('a claim that fails brings the message back, and the provider is asked nothing', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  failCalls(world, 'claim_track_archiving');
  assert.deepEqual((await deliverTrack(world, archive, track.id)).delays, [60]);
  assert.equal(world.provider.requests.length, 0);
});

test('a failure that cannot be reported brings the message back when the lease is surely over', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const audio_url = serve(world, files.audio, { kind: 'status', status: 500 });
  const track = await insertTrack(world, { audio_url });
  failCalls(world, 'release_track_archiving');
  assert.deepEqual((await deliverTrack(world, archive, track.id)).delays, [960]);
  assert.equal((await readJob(world, track.id)).status, 'processing');
});

test('a secret that cannot be read fails the messages, to come back', async (t) => {
  const world = await startWorld(t);
  world.environment.SECRET_ID = 'missing';
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  assert.deepEqual((await deliverTrack(world, archive, track.id)).delays, [60]);
});

/** Runs `statement` on the track once, when the worker is about to call a database function. */
function before(world: World, name: string, statement: string, values: unknown[]): void {
  let done = false;
  world.supabase.intercept = async (request) => {
    if (!request.url?.endsWith(`/rpc/${name}`) || done) return false;
    done = true;
    await world.database.query(statement, values);
    return false;
  };
}

test('addresses that change during the copy are copied again, soon, and only those', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  const longer = Buffer.concat([files.audio, files.audio]);
  const audio_url = serve(world, longer);
  const change = 'update public.tracks set audio_url = $2 where id = $1';
  before(world, 'complete_track_archiving', change, [track.id, audio_url]);
  const delivered = await deliverTrack(world, archive, track.id);
  assert.deepEqual([delivered.failed.length, delivered.delays], [1, [5]]);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, false);

  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  const path = `tracks-audio/${track.userId}/${track.id}.mp3`;
  assert.deepEqual((await storedObjects(world)).get(path), longer);
  for (const url of [audio_url, track.urls.audio, track.urls.cover, track.urls.video]) {
    assert.equal(requestsFor(world, url), 1);
  }
});

test('a worker whose lease was taken over completes nothing, and leaves the files alone', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  const takeOver = `select claim.* from public.track_archiving_jobs as job,
    release_track_archiving(job.id, job.fencing_token, 'internal', 'lease over') as released,
    lateral (select * from claim_track_archiving(job.track_id, 600, 'other') where released) as claim
    where job.track_id = $1`;
  before(world, 'complete_track_archiving', takeOver, [track.id]);
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, false);
  const job = await readJob(world, track.id);
  assert.deepEqual([job.status, job.claimed_by], ['processing', 'other']);
  assert.equal((await storedObjects(world)).size, 3);
  assert.deepEqual(deadLetters(world), []);
});

for (const name of ['complete_track_archiving', 'store_track_asset']) {
  test(`a track that is deleted before ${name} leaves no files behind`, async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    const track = await insertWholeTrack(world);
    before(world, name, 'delete from public.tracks where id = $1', [track.id]);
    assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
    assert.deepEqual(await storedObjects(world), new Map());
  });
}
