import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  files,
  insertTrack,
  insertWholeTrack,
  readTrack,
  requestsFor,
  serve,
  storedObjects,
} from '../tracks.ts';
import { startWorld, type World } from '../world.ts';
import { archiveLambda, deliverTrack } from './deliver.ts';

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

test('a Storage that fails to remove the files of a deleted track is asked again', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  before(world, 'complete_track_archiving', 'delete from public.tracks where id = $1', [track.id]);
  const deleting = world.supabase.intercept;
  let failures = 2;
  world.supabase.intercept = (request, response) => {
    if (request.method !== 'DELETE' || failures-- <= 0) return deleting(request, response);
    response.writeHead(503).end();
    return true;
  };
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.deepEqual(await storedObjects(world), new Map());
});
