import assert from 'node:assert/strict';
import { test } from 'vitest';
import { assetKinds } from '../../core/assets.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import {
  claim,
  jobOf,
  newTrack,
  newUser,
  onConnection,
  plan,
  service,
  sqlstate,
  storageUrl,
  worker,
} from './app.ts';

test('a claim hands out all that a worker needs', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, { video_url: ' ', provider: 'replicate', title: '夜' });
  const { job_id } = await plan(db, track);
  const claimed = await claim(db, track, 60);
  const { lease_expires_at, expires_at, fencing_token, ...rest } = claimed;
  assert.deepEqual(rest, {
    outcome: 'claimed',
    job_id,
    attempt: 1,
    user_id: user,
    title: '夜',
    provider: 'replicate',
    allowed_hosts: ['replicate.delivery', '*.replicate.delivery'],
    user_agent: 'Mozilla/5.0 (compatible; track-archiver/1.0)',
    audio_url: 'https://cdn1.suno.ai/song.mp3',
    cover_url: 'https://cdn2.suno.ai/cover.jpg',
    video_url: null,
    storage_audio_url: null,
    storage_cover_url: null,
    storage_video_url: null,
    gone: [],
    asked_before: [],
    duration_seconds: null,
    stored_seconds: {},
  });
  const job = await jobOf(db, track);
  assert.equal(job.status, 'processing');
  assert.equal(job.claimed_by, 'worker');
  assert.equal(job.fencing_token, fencing_token);
  assert.equal(lease_expires_at - job.started_at, 60_000);
  assert.ok(expires_at);
});

test('the hosts allowed are those of the policy, whatever the row of the user says', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db), {
    provider: 'localhost',
    audio_url: 'http://169.254.169.254/latest/meta-data',
  });
  const [others] = await db.query(
    "select allowed_hosts from track_archiving_policies where provider = '*'",
  );
  assert.deepEqual((await claim(db, track)).allowed_hosts, others?.allowed_hosts);
});

test('a provider without a policy, when `*` is gone, is allowed no host', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db), { provider: 'x' });
  await db.query("delete from track_archiving_policies where provider = '*'");
  assert.deepEqual((await claim(db, track)).allowed_hosts, []);
});

test('of four claims at once one wins', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  for (const round of ['without a job', 'after a release']) {
    const claims = await Promise.all(Array.from({ length: 4 }, () => claim(db, track)));
    const outcomes = claims.map((each) => each.outcome).sort();
    assert.deepEqual(outcomes, ['busy', 'busy', 'busy', 'claimed'], round);
    const winner = claims.find((each) => each.outcome === 'claimed');
    assert.equal(await worker(db, winner).release(), true);
  }
  assert.equal((await db.query('select from track_archiving_jobs')).length, 1);
});

test('a claim that waits for another transaction sees what that one did', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const second = await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query("select claim_track_archiving($1, 60, 'first')", [track]);
    const waiting = claim(db, track);
    await until(async () => (await db.query('select from pg_locks where not granted')).length > 0);
    await client.query('commit');
    return waiting;
  });
  assert.equal(second.outcome, 'busy');
});

test('a track that is not to be archived is not claimed', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  assert.equal((await claim(db, user)).outcome, 'not_found');
  const draft = await newTrack(db, user, { status: 'processing' });
  assert.equal((await claim(db, draft)).outcome, 'not_completed');
  const archived = await newTrack(db, user, { archived_to_storage: true });
  assert.equal((await claim(db, archived)).outcome, 'already_archived');
  assert.deepEqual(await db.query('select * from track_archiving_jobs'), []);
});

test('what a worker stores is recorded with the time of the database', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const at = worker(db, await claim(db, track));
  await at.store('audio', storageUrl('audio'), {
    bytes: 7,
    sha256: 'ff',
    gone: true,
    stored_at: 'x',
  });
  await at.store('video', null, { code: 'provider_gone' });
  const { metadata } = await jobOf(db, track);
  const { stored_at, ...audio } = metadata.assets.audio;
  assert.deepEqual(audio, { bytes: 7, sha256: 'ff' });
  assert.ok(Date.parse(stored_at));
  const { at: when, ...video } = metadata.assets.video;
  assert.deepEqual(video, { gone: true, code: 'provider_gone' });
  assert.ok(Date.parse(when));
});

test('three assets stored at once are all recorded', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const at = worker(db, await claim(db, track));
  await Promise.all(assetKinds.map((asset) => at.store(asset, storageUrl(asset))));
  assert.deepEqual(Object.keys((await jobOf(db, track)).metadata.assets).sort(), [
    'audio',
    'cover',
    'video',
  ]);
  assert.equal(await at.complete(), 'completed');
});

test('calls that make no sense are refused', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  assert.equal(await sqlstate(claim(db, track, 0)), '22023');
  const at = worker(db, await claim(db, track));
  assert.equal(await sqlstate(at.store('lyrics', 'https://s')), '22023');
  assert.equal(await sqlstate(at.store('audio', null)), '22023', 'audio is never gone');
  assert.equal(await sqlstate(at.store('cover', ' ')), '22023');
  const nothing = service(db)('select * from claim_track_archiving(null, 60, null)');
  assert.equal((await nothing)[0]?.outcome, 'not_found');
});
