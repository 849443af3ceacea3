import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { claim, jobOf, moveClock, newTrack, newUser, storageUrl, worker } from './app.ts';

test('when the lease has ended another worker claims the same job, with a larger token', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const first = await claim(db, track, 60);
  await moveClock(db, '59 seconds');
  assert.equal((await claim(db, track)).outcome, 'busy');
  await moveClock(db, '61 seconds');
  const second = await claim(db, track);
  assert.equal(second.outcome, 'claimed');
  assert.equal(second.job_id, first.job_id);
  assert.equal(second.attempt, 2);
  assert.ok(BigInt(second.fencing_token) > BigInt(first.fencing_token));
});

test('a stale worker can neither store nor complete nor fail nor release', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db), { cover_url: null, video_url: null });
  const stale = worker(db, await claim(db, track, 60));
  await stale.store('audio', storageUrl('audio'));
  await moveClock(db, '61 seconds');
  const current = worker(db, await claim(db, track));
  const before = await jobOf(db, track);
  assert.equal(await stale.store('audio', 'https://stale'), false);
  assert.equal(await stale.complete(), 'lease_lost');
  assert.equal(await stale.fail(), false);
  assert.equal(await stale.release(), false);
  assert.deepEqual(await jobOf(db, track), before);
  assert.equal(await current.complete(), 'completed');
  assert.equal(await stale.fail(), false);
  assert.deepEqual(await db.query('select * from notifications'), []);
});

test('a worker whose lease has ended, but whom nobody replaced, may finish', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db), { cover_url: null, video_url: null });
  const slow = worker(db, await claim(db, track, 60));
  await moveClock(db, '1 hour');
  assert.equal(await slow.store('audio', storageUrl('audio')), true);
  assert.equal(await slow.complete(), 'completed');
});

test('a released job keeps what is stored and says why it was given back', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const at = worker(db, await claim(db, track));
  await at.store('audio', storageUrl('audio'));
  await at.store('cover', null, { code: 'provider_gone' });
  assert.equal(await at.release(), true);
  const job = await jobOf(db, track);
  assert.deepEqual(
    [job.status, job.error_code, job.error_message, job.lease_expires_at, job.claimed_by],
    ['pending', 'provider_unavailable', '503', null, null],
  );
  const again = await claim(db, track);
  assert.equal(again.attempt, 2);
  assert.equal(again.storage_audio_url, storageUrl('audio'));
  assert.deepEqual(again.gone, ['cover']);
  assert.equal((await jobOf(db, track)).error_code, null);
});
