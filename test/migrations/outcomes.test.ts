import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import {
  claim,
  jobOf,
  newTrack,
  newUser,
  onConnection,
  plan,
  sqlstate,
  storageUrl,
  trackOf,
  worker,
} from './app.ts';

const track = async (db: TestDatabase, columns = {}) => newTrack(db, await newUser(db), columns);

test('completing sets the track and the job together', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const at = worker(db, await claim(db, id));
  await at.store('audio', storageUrl('audio'));
  await at.store('cover', storageUrl('cover'));
  await at.store('video', null, { code: 'provider_gone' });
  assert.equal(await at.complete(), 'completed');
  const row = await trackOf(db, id);
  assert.deepEqual(
    [row.archived_to_storage, row.storage_audio_url, row.storage_cover_url, row.storage_video_url],
    [true, storageUrl('audio'), storageUrl('cover'), null],
  );
  const job = await jobOf(db, id);
  assert.deepEqual([job.status, job.lease_expires_at], ['completed', null]);
  assert.deepEqual(job.completed_at, row.archived_at);
  assert.equal(await at.complete(), 'lease_lost', 'and only once');
});

test('a track is not complete while an asset is neither stored nor gone', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const at = worker(db, await claim(db, id));
  await assert.rejects(at.complete(), /audio, cover, video neither stored nor gone/);
  await at.store('audio', storageUrl('audio'));
  await at.store('video', null, { code: 'provider_gone' });
  await assert.rejects(at.complete(), { code: '55000', message: /cover neither stored nor gone/ });
  assert.equal((await trackOf(db, id)).archived_to_storage, false);
  assert.equal((await jobOf(db, id)).status, 'processing');
});

test('a track without audio is never complete', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db, { audio_url: '', cover_url: null, video_url: null });
  const claimed = await claim(db, id);
  assert.equal(claimed.audio_url, null);
  assert.equal(await sqlstate(worker(db, claimed).complete()), '55000');
});

test('audio that is marked as gone, by whomever, does not make a track complete', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db, { cover_url: null, video_url: null });
  const claimed = await claim(db, id);
  await db.query(
    `update track_archiving_jobs set metadata = '{"assets": {"audio": {"gone": true}}}'`,
  );
  assert.equal(await sqlstate(worker(db, claimed).complete()), '55000');
});

test('when the sources changed meanwhile the job is pending again with the new ones, and keeps the rest', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const first = await claim(db, id);
  const at = worker(db, first);
  await at.store('audio', storageUrl('audio'));
  await at.store('cover', storageUrl('cover'));
  await at.store('video', null, { code: 'provider_gone' });
  await db.query("update tracks set cover_url = 'https://cdn2.suno.ai/new.jpg' where id = $1", [
    id,
  ]);
  assert.equal(await at.complete(), 'superseded');
  const job = await jobOf(db, id);
  assert.deepEqual(
    [job.status, job.error_code, job.dispatched_at],
    ['pending', 'superseded', null],
  );
  assert.equal((await trackOf(db, id)).archived_to_storage, false);

  const second = await claim(db, id);
  assert.equal(second.job_id, first.job_id);
  assert.deepEqual(
    [second.cover_url, second.storage_audio_url, second.storage_cover_url, second.gone],
    ['https://cdn2.suno.ai/new.jpg', storageUrl('audio'), null, ['video']],
  );
});

test('a failure shows what was saved and leaves the track unarchived', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const at = worker(db, await claim(db, id));
  await at.store('cover', storageUrl('cover'));
  assert.equal(await at.fail('provider_gone', 'x'.repeat(5000)), true);
  const row = await trackOf(db, id);
  assert.deepEqual(
    [row.archived_to_storage, row.storage_audio_url, row.storage_cover_url],
    [false, null, storageUrl('cover')],
  );
  const job = await jobOf(db, id);
  assert.deepEqual(
    [job.status, job.error_code, job.error_message.length],
    ['failed', 'provider_gone', 2000],
  );
  assert.equal(await at.fail(), false, 'and only once');
});

test('when the sources changed before the failure, the track is due at once and nobody is told', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const at = worker(db, await claim(db, id));
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/2.mp3' where id = $1", [id]);
  assert.equal(await at.fail(), true);
  assert.deepEqual(await db.query('select * from notifications'), []);
  const { action, due_at } = await plan(db, id);
  assert.equal(action, 'schedule');
  assert.ok(due_at <= new Date());
});

test('while a completion is under way the owner can write the rest of the row only after it', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db, { cover_url: null, video_url: null });
  const claimed = await claim(db, id);
  await worker(db, claimed).store('audio', storageUrl('audio'));
  const call = [claimed.job_id, claimed.fencing_token];
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query('select complete_track_archiving($1, $2)', call);
    const change = db.query("update tracks set audio_url = 'https://x/2.mp3' where id = $1", [id]);
    await until(async () => (await db.query('select from pg_locks where not granted')).length > 0);
    await client.query('commit');
    await change;
  });
  const row = await trackOf(db, id);
  assert.deepEqual([row.archived_to_storage, row.storage_audio_url], [false, null], 'opened again');
});
