import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import {
  claim,
  jobOf,
  newTrack,
  newUser,
  plan,
  service,
  sqlstate,
  trackOf,
  worker,
} from './app.ts';

const mark = async (db: TestDatabase, track: string, audio: string | null, cover?: string) =>
  (
    await service(db)(
      `select mark_track_archived(_track_id => $1, _storage_audio_url => $2,
        _storage_cover_url => $3, _storage_video_url => null) as answer`,
      [track, audio, cover],
    )
  )[0]?.answer;

test('a track whose files a person uploaded is archived, and its job says so', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  assert.equal(await mark(db, track, ' https://s/a.mp3 ', 'https://s/c.jpg'), true);
  const row = await trackOf(db, track);
  assert.deepEqual(
    [row.archived_to_storage, row.storage_audio_url, row.storage_cover_url, row.storage_video_url],
    [true, 'https://s/a.mp3', 'https://s/c.jpg', null],
  );
  assert.ok(row.archived_at);
  const job = await jobOf(db, track);
  assert.deepEqual(
    [job.status, job.claimed_by, job.metadata.manual],
    ['completed', 'mark_track_archived', true],
  );
  assert.equal((await plan(db, track)).reason, 'already_archived');
});

test('what the person leaves out stays as it was', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  await mark(db, track, 'https://s/a.mp3', 'https://s/c.jpg');
  await mark(db, track, 'https://s/b.mp3');
  assert.equal((await trackOf(db, track)).storage_cover_url, 'https://s/c.jpg');
});

test('a worker that holds the track loses it', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const claimed = await claim(db, track);
  assert.equal(await mark(db, track, 'https://s/a.mp3'), true);
  const at = worker(db, claimed);
  assert.equal(await at.store('audio', 'https://other'), false);
  assert.equal(await at.fail(), false);
  assert.equal(await at.complete(), 'lease_lost');
  assert.equal((await trackOf(db, track)).storage_audio_url, 'https://s/a.mp3');
});

test('a pending job is finished by it', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id } = await plan(db, track);
  await mark(db, track, 'https://s/a.mp3');
  const job = await jobOf(db, track);
  assert.deepEqual([job.id, job.status], [job_id, 'completed']);
});

test('no track is no success, and no audio is an error', async (t) => {
  const db = await testDatabase(t);
  assert.equal(await mark(db, randomUUID(), 'https://s/a.mp3'), false);
  const track = await newTrack(db, await newUser(db));
  for (const nothing of [null, '', '  ']) {
    assert.equal(await sqlstate(mark(db, track, nothing)), '22023');
  }
  assert.equal((await trackOf(db, track)).archived_to_storage, false);
});
