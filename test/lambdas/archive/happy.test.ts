import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { archiveMessage } from '../../../core/message.ts';
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
import { lambdaContext, startWorld } from '../world.ts';
import { archiveLambda, deadLetters, deliver, deliverTrack, receive } from './deliver.ts';

test('a track’s audio, cover and video are in Storage, byte for byte, and it is archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  assert.deepEqual(await deliverTrack(world, archive, track.id), { failed: [], delays: [] });

  const name = `${track.userId}/${track.id}`;
  assert.deepEqual(
    await storedObjects(world),
    new Map([
      [`tracks-audio/${name}.mp3`, files.audio],
      [`tracks-covers/${name}.jpg`, files.cover],
      [`tracks-videos/${name}.mp4`, files.video],
    ]),
  );
  const row = await readTrack(world, track.id);
  const base = `${world.supabase.url}/storage/v1/object/public`;
  assert.equal(row.archived_to_storage, true);
  assert.ok(row.archived_at instanceof Date);
  assert.equal(row.storage_audio_url, `${base}/tracks-audio/${name}.mp3`);
  assert.equal(row.storage_cover_url, `${base}/tracks-covers/${name}.jpg`);
  assert.equal(row.storage_video_url, `${base}/tracks-videos/${name}.mp4`);
  for (const url of Object.values(track.urls)) assert.equal(requestsFor(world, url), 1);
});

test('the job says what was stored: bytes, sha256, content type and the host it came from', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  await deliverTrack(world, archive, track.id);
  const job = await readJob(world, track.id);
  assert.equal(job.status, 'completed');
  const { stored_at, ...audio } = job.metadata.assets.audio;
  assert.ok(Date.parse(stored_at));
  assert.deepEqual(audio, {
    bytes: files.audio.length,
    sha256: createHash('sha256').update(files.audio).digest('hex'),
    content_type: 'audio/mpeg',
    source_host: 'cdn.provider.example',
  });
});

describe('audio is stored as what its first bytes say, whatever its address says', () => {
  for (const [file, extension, mime] of [
    ['song.wav', 'wav', 'audio/wav'],
    ['song.flac', 'flac', 'audio/flac'],
    ['song.ogg', 'ogg', 'audio/ogg'],
    ['song.m4a', 'm4a', 'audio/mp4'],
  ] as const) {
    test(`${extension} as ${mime}`, async (t) => {
      const world = await startWorld(t);
      const archive = await archiveLambda(world);
      const bytes = readFileSync(join(import.meta.dirname, '../../fixtures', file));
      const audio_url = serve(world, bytes, undefined, 'x.mp3');
      const track = await insertTrack(world, { audio_url });
      assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
      const path = `tracks-audio/${track.userId}/${track.id}.${extension}`;
      assert.deepEqual((await storedObjects(world)).get(path), bytes);
      const job = await readJob(world, track.id);
      assert.equal(job.metadata.assets.audio.content_type, mime);
    });
  }
});

test('files without Content-Length, and behind a redirect, are stored whole', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const target = serve(world, files.audio, { kind: 'chunked' });
  const track = await insertTrack(world, {
    audio_url: serve(world, files.audio, { kind: 'redirect', to: target }),
  });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.deepEqual([...(await storedObjects(world)).values()], [files.audio]);
});

test('a track without cover and video is archived by its audio alone', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertTrack(world, { audio_url: serve(world, files.audio), cover_url: '  ' });
  await deliverTrack(world, archive, track.id);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, true);
  assert.equal(row.storage_cover_url, null);
});

test('what is archived, not completed or not there is a quiet success that asks the provider nothing', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const archived = await insertWholeTrack(world);
  await deliverTrack(world, archive, archived.id);
  const before = world.provider.requests.length;
  const pending = await insertWholeTrack(world, {}, { status: 'pending' });
  const bodies = [archived.id, pending.id, crypto.randomUUID()].map((id) =>
    archiveMessage(id, 'sweep'),
  );
  assert.deepEqual((await deliver(world, archive, bodies)).failed, []);
  assert.equal(world.provider.requests.length, before);
  assert.deepEqual(deadLetters(world), []);
});

test('a track that another worker holds is left to it', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world);
  await world.database.query("select claim_track_archiving($1, 600, 'other')", [track.id]);
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal(world.provider.requests.length, 0);
  const again = await deliverTrack(world, archive, track.id, { received: 2 });
  assert.deepEqual(again.delays, [960], 'a redelivery waits until the lease is surely over');
});

test('ten tracks in one batch are all archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const tracks = await Promise.all(Array.from({ length: 10 }, () => insertWholeTrack(world)));
  const bodies = tracks.map(({ id }) => archiveMessage(id, 'schedule'));
  assert.deepEqual((await deliver(world, archive, bodies)).failed, []);
  const rows = await Promise.all(tracks.map(({ id }) => readTrack(world, id)));
  assert.ok(rows.every((row) => row.archived_to_storage));
  assert.equal((await storedObjects(world)).size, 30);
});

test('the same message given to four workers at once copies each asset once', async (t) => {
  const world = await startWorld(t);
  const track = await insertWholeTrack(world);
  const workers = await Promise.all([1, 2, 3, 4].map(() => archiveLambda(world)));
  const message = { QueueUrl: world.queueUrl, MessageBody: archiveMessage(track.id, 'schedule') };
  await world.sqs.send(new SendMessageCommand(message));
  const event = await receive(world);
  const answers = await Promise.all(workers.map((archive) => archive(event, lambdaContext())));
  assert.deepEqual(answers, Array(4).fill({ batchItemFailures: [] }));
  for (const url of Object.values(track.urls)) assert.equal(requestsFor(world, url), 1);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
});
