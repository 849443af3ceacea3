import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archiveMessage } from '../../../core/message.ts';
import type { Behaviour } from '../../../local/provider/behaviour.ts';
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

/** Delivers a track whose audio is at `url`; it must be given up at once, for this reason. */
async function assertGivenUp(world: World, url: string | null, code: string, requests: number) {
  const archive = await archiveLambda(world);
  const before = world.provider.requests.length;
  const track = await insertTrack(world, { audio_url: url });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal(world.provider.requests.length - before, requests);
  const job = await readJob(world, track.id);
  assert.deepEqual([job.status, job.error_code], ['failed', code]);
  const letters = deadLetters(world).filter(({ body }) => body.includes(track.id));
  assert.equal(letters.length, 1);
  assert.equal(letters[0]?.body, archiveMessage(track.id, 'schedule'));
  const attributes = { code, reason: job.error_message, trackId: track.id };
  assert.deepEqual(letters[0]?.attributes, attributes);
  assert.doesNotMatch(job.error_message, /very-secret/);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, false);
  assert.equal(row.storage_audio_url, null);
  assert.deepEqual(await storedObjects(world), new Map());
  const told = await world.database.query('select from public.notifications where user_id = $1', [
    track.userId,
  ]);
  assert.equal(told.length, 1);
}

test('audio is given up after one request where the provider', async (t) => {
  const world = await startWorld(t);
  for (const [what, behaviour, code] of [
    ['answers 403', { kind: 'status', status: 403 }, 'provider_gone'],
    ['answers 404', { kind: 'status', status: 404 }, 'provider_gone'],
    ['answers 441', { kind: 'status', status: 441 }, 'provider_gone'],
    ['answers 400', { kind: 'status', status: 400 }, 'provider_refused'],
    ['answers 200 with a page of HTML', { kind: 'html' }, 'media_unrecognised'],
    ['answers 200 with random bytes', { kind: 'random', bytes: 50_000 }, 'media_unrecognised'],
    ['redirects in a circle', { kind: 'redirect', to: '?signature=very-secret' }, 'redirect_limit'],
    [
      'redirects to a host outside the policy',
      { kind: 'redirect', to: 'https://elsewhere.example/song.mp3' },
      'host_not_allowed',
    ],
    [
      'redirects to the metadata of the cloud',
      { kind: 'redirect', to: 'https://169.254.169.254/latest/meta-data' },
      'address_not_public',
    ],
  ] as [string, Behaviour, string][]) {
    await t.test(what, () => assertGivenUp(world, serve(world, files.audio, behaviour), code, 1));
  }

  await t.test('sends an image', () =>
    assertGivenUp(world, serve(world, files.cover), 'media_wrong_kind', 1),
  );

  await t.test('announces more than the bucket takes', async () => {
    const huge = Buffer.alloc(100 * 1024 * 1024 + 1);
    files.audio.copy(huge);
    await assertGivenUp(world, serve(world, huge), 'too_large', 1);
  });

  await t.test('sends more than the bucket takes without announcing it', () =>
    assertGivenUp(world, serve(world, files.audio, { kind: 'endless' }), 'too_large', 1),
  );
});

test('audio is given up without any request where its address', async (t) => {
  const world = await startWorld(t);
  for (const [what, url, code] of [
    ['is missing', null, 'url_missing'],
    ['is no URL', 'not a url', 'url_invalid'],
    ['is http', 'http://cdn.provider.example/a.mp3', 'url_invalid'],
    ['carries credentials', 'https://user:very-secret@cdn.provider.example/a', 'url_invalid'],
    ['names a port', 'https://cdn.provider.example:8443/a.mp3', 'url_invalid'],
    ['is on another host', 'https://elsewhere.example/a.mp3', 'host_not_allowed'],
    ['is of this machine', 'https://127.0.0.1/a.mp3', 'address_not_public'],
    ['is of this machine in another notation', 'https://0x7f000001/a', 'address_not_public'],
    ['is link-local', 'https://[fe80::1]/a.mp3', 'address_not_public'],
  ] as const) {
    await t.test(what, () => assertGivenUp(world, url, code, 0));
  }
});

test('what could be saved is kept when the audio is lost: the owner can see the cover', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { audio: { kind: 'status', status: 410 } });
  await deliverTrack(world, archive, track.id);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, false);
  assert.match(row.storage_cover_url, /tracks-covers/);
  assert.equal((await storedObjects(world)).size, 2);
  assert.equal(deadLetters(world)[0]?.attributes.code, 'provider_gone');
});

test('a cover and a video that are gone are recorded as gone, and the track is archived', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    cover: { kind: 'status', status: 404 },
    video: { kind: 'status', status: 410 },
  });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, true);
  assert.equal(row.storage_cover_url, null);
  const { assets } = (await readJob(world, track.id)).metadata;
  for (const kind of ['cover', 'video']) {
    assert.equal(assets[kind].gone, true);
    assert.equal(assets[kind].code, 'provider_gone');
  }
  for (const url of Object.values(track.urls)) assert.equal(requestsFor(world, url), 1);
});

test('a cover that is no image is not gone: the track fails, with its audio saved', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, { cover: { kind: 'html' } });
  await deliverTrack(world, archive, track.id);
  const row = await readTrack(world, track.id);
  assert.equal(row.archived_to_storage, false);
  assert.match(row.storage_audio_url, /tracks-audio/);
  assert.equal((await readJob(world, track.id)).error_code, 'media_unrecognised');
});

test('without audio there is nothing to wait for, whatever may come of the video', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  const track = await insertWholeTrack(world, {
    audio: { kind: 'status', status: 404 },
    video: { kind: 'status', status: 503 },
  });
  assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
  assert.equal((await readJob(world, track.id)).error_code, 'provider_gone');
  assert.equal(deadLetters(world).length, 1);
});

test('as long as one asset may still be saved, the track is kept alive', async (t) => {
  const world = await startWorld(t);
  const archive = await archiveLambda(world);
  for (const lasting of ['audio', 'video'] as const) {
    const track = await insertWholeTrack(world, {
      cover: { kind: 'html' },
      [lasting]: { kind: 'status', status: 503 },
    });
    assert.equal((await deliverTrack(world, archive, track.id)).failed.length, 1);
    const job = await readJob(world, track.id);
    assert.deepEqual([job.status, job.error_code], ['pending', 'provider_unavailable']);
  }
  assert.deepEqual(deadLetters(world), []);
});
