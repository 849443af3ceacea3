import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, jobOf, newTrack, newUser, storageUrl, trackOf, worker } from './app.ts';

const track = async (db: TestDatabase, columns = {}) => newTrack(db, await newUser(db), columns);

test('a source that became our own copy meanwhile is no new source', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db, { video_url: null });
  const first = worker(db, await claim(db, id));
  await first.store('audio', storageUrl('audio'));
  await first.store('cover', storageUrl('cover'));
  assert.equal(await first.complete(), 'completed');
  await db.query('update tracks set audio_url = storage_audio_url where id = $1', [id]);
  await db.query("update tracks set cover_url = 'https://cdn2.suno.ai/new.jpg' where id = $1", [
    id,
  ]);
  const claimed = await claim(db, id);
  assert.equal(claimed.storage_audio_url, storageUrl('audio'), 'audio is stored already');
  const second = worker(db, claimed);
  await second.store('cover', storageUrl('cover', 'new'));
  assert.equal(await second.complete(), 'completed');
  assert.equal((await trackOf(db, id)).storage_audio_url, storageUrl('audio'));
});

test('a source that only looks like our own copy has to be copied like any other', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db, {
    audio_url: 'https://evil.example/storage/v1/object/public/tracks-audio/x.mp3',
  });
  assert.equal((await claim(db, id)).storage_audio_url, null);
});

test('a retry of a failed track is a new job that keeps what was stored, but asks again for what was gone', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const first = await claim(db, id);
  await worker(db, first).store('cover', storageUrl('cover'));
  await worker(db, first).store('video', null, { code: 'provider_gone' });
  await worker(db, first).fail();
  const second = await claim(db, id);
  assert.notEqual(second.job_id, first.job_id);
  assert.deepEqual(
    [second.attempt, second.storage_cover_url, second.storage_audio_url, second.gone],
    [1, storageUrl('cover'), null, []],
  );
  assert.equal((await jobOf(db, id)).metadata.assets.cover.sha256, 'ab');
});

test('what was stored of another source is not kept', async (t) => {
  const db = await testDatabase(t);
  const id = await track(db);
  const at = worker(db, await claim(db, id));
  await at.store('audio', storageUrl('audio'));
  await at.store('cover', storageUrl('cover'));
  await at.fail();
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/2.mp3' where id = $1", [id]);
  assert.equal((await trackOf(db, id)).storage_audio_url, null);
  const again = await claim(db, id);
  assert.deepEqual([again.storage_audio_url, again.storage_cover_url], [null, storageUrl('cover')]);
  assert.deepEqual(Object.keys((await jobOf(db, id)).metadata.assets), ['cover']);
});
