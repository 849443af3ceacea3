import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import {
  files,
  insertTrack,
  readJob,
  readTrack,
  requestsFor,
  serve,
  storedObjects,
} from '../tracks.ts';
import { startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliverTrack } from './deliver.ts';

const isUpload = (request: { method?: string | undefined; url?: string | undefined }) =>
  request.method === 'POST' && request.url?.startsWith('/storage/v1/object/') === true;

type Answer = (response: ServerResponse) => void;
/** Storage's way to refuse: HTTP 400, the true status in the body. */
const inBody = (statusCode: string, error: string): Answer => {
  return (response) =>
    response.writeHead(400).end(JSON.stringify({ statusCode, error, message: 'no' }));
};
const status = (code: number): Answer => {
  return (response) => response.writeHead(code).end('no');
};
const reset: Answer = (response) => response.socket?.resetAndDestroy();

test('Storage that is down, full or busy is tried three times, and then the queue waits', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const [what, answer, code] of [
    ['500', status(500), 'storage_unavailable'],
    ['503', status(503), 'storage_unavailable'],
    ['544 in the body', inBody('544', 'DatabaseTimeout'), 'storage_unavailable'],
    ['429', status(429), 'storage_unavailable'],
    ['409', inBody('409', 'Duplicate'), 'storage_unavailable'],
    ['402', status(402), 'storage_unavailable'],
    ['a reset', reset, 'storage_unavailable'],
    ['401', status(401), 'storage_unauthorized'],
    ['403 in the body', inBody('403', 'Unauthorized'), 'storage_unauthorized'],
  ] as const) {
    await t.test(what, async () => {
      world.supabase.intercept = (request, response) => {
        if (!isUpload(request)) return false;
        request.resume();
        answer(response);
        return true;
      };
      const url = serve(world, files.audio);
      const track = await insertTrack(world, { audio_url: url });
      const delivered = await deliverTrack(world, archive, track.id);
      assert.deepEqual(delivered.delays, [60]);
      assert.equal(requestsFor(world, url), 3);
      const job = await readJob(world, track.id);
      assert.deepEqual([job.status, job.error_code], ['pending', code]);
    });
  }
});

test('what Storage refuses for good is given up at once', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const [what, answer, code] of [
    ['415 in the body', inBody('415', 'invalid_mime_type'), 'storage_rejected'],
    ['413 in the body', inBody('413', 'Payload too large'), 'too_large'],
    ['413', status(413), 'too_large'],
    ['404 for the bucket', inBody('404', 'Bucket not found'), 'storage_rejected'],
    ['400', status(400), 'storage_rejected'],
  ] as const) {
    await t.test(what, async () => {
      world.supabase.intercept = (request, response) => {
        if (!isUpload(request)) return false;
        answer(response);
        return true;
      };
      const url = serve(world, files.audio);
      const track = await insertTrack(world, { audio_url: url });
      assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
      assert.equal(requestsFor(world, url), 1);
      assert.equal((await readJob(world, track.id)).error_code, code);
      assert.equal(deadLetters(world).at(-1)?.attributes.code, code);
    });
  }
});

test('a bucket whose limit was lowered by hand refuses what it no longer takes', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  await world.database.query(
    "update storage.buckets set file_size_limit = 1000 where id = 'tracks-audio'",
  );
  const track = await insertTrack(world, { audio_url: serve(world, files.audio) });
  await deliverTrack(world, archive, track.id);
  assert.equal((await readJob(world, track.id)).error_code, 'too_large');
});

test('Storage that has another length than was sent is not believed', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const answers = ['{"size": 12}', '{}', '<html>'];
  world.supabase.intercept = (request, response) => {
    if (!request.url?.includes('/object/info/')) return false;
    response.end(answers.shift() ?? '{"size": 0}');
    return true;
  };
  const track = await insertTrack(world, { audio_url: serve(world, files.audio) });
  assert.equal((await deliverTrack(world, archive, track.id)).failed.length, 1);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, false);
  assert.deepEqual(answers, []);

  world.supabase.intercept = (request, response) => {
    if (!request.url?.includes('/object/info/')) return false;
    response.end('{"size": 12}');
    return true;
  };
  await deliverTrack(world, archive, track.id);
  assert.equal((await readJob(world, track.id)).error_code, 'storage_mismatch');
});

test('a Storage that fails once costs one more request, and the track is archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  let failures = 1;
  world.supabase.intercept = (request, response) => {
    if (!isUpload(request) || failures-- <= 0) return false;
    reset(response);
    return true;
  };
  const url = serve(world, files.audio);
  const track = await insertTrack(world, { audio_url: url });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal(requestsFor(world, url), 2);
  assert.deepEqual([...(await storedObjects(world)).values()], [files.audio]);
});

test('a provider that breaks in the middle is what is reported, not the upload that it broke', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const url = serve(world, files.audio, { kind: 'truncated', after: files.audio.length - 1 });
  const track = await insertTrack(world, { audio_url: url });
  await deliverTrack(world, archive, track.id);
  assert.equal((await readJob(world, track.id)).error_code, 'provider_truncated');
  assert.deepEqual(await storedObjects(world), new Map());
});
