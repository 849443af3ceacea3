import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { newTrack, newUser, storageUrl, trackOf } from './app.ts';

const day = 24 * 3_600_000;
const created = new Date('2026-05-01T10:00:00.123Z');
const later = (milliseconds: number) => new Date(created.getTime() + milliseconds);

describe('an update of a track', () => {
  const update = async (db: TestDatabase, before: Record<string, unknown>, change: string) => {
    const track = await newTrack(db, await newUser(db), { created_at: created, ...before });
    const was = await trackOf(db, track);
    await db.query(`update tracks set ${change} where id = '${track}'`);
    return { was, is: await trackOf(db, track) };
  };
  const archived = {
    archived_to_storage: true,
    archived_at: created,
    storage_audio_url: storageUrl('audio'),
    storage_cover_url: storageUrl('cover'),
    storage_video_url: storageUrl('video'),
  };

  test('to completed gives it a date; away from completed takes it', async (t) => {
    const db = await testDatabase(t);
    const to = await update(db, { status: 'processing' }, "status = 'completed'");
    assert.deepEqual(to.is.archive_scheduled_at, later(13 * day));
    const away = await update(db, {}, "status = 'failed'");
    assert.equal(away.is.archive_scheduled_at, null);
  });

  test('of provider, creation or expiry moves the date', async (t) => {
    const db = await testDatabase(t);
    for (const [change, due] of [
      ["provider = 'replicate'", created],
      [`created_at = '${later(day).toISOString()}'`, later(14 * day)],
      [`metadata = '{"expires_at": "${later(5 * day).toISOString()}"}'`, later(3 * day)],
    ] as const) {
      assert.deepEqual((await update(db, {}, change)).is.archive_scheduled_at, due, change);
    }
  });

  test('of the date itself, by the service, stands', async (t) => {
    const db = await testDatabase(t);
    const { is } = await update(db, {}, "provider = 'fal', archive_scheduled_at = '2026-05-02Z'");
    assert.deepEqual(is.archive_scheduled_at, new Date('2026-05-02Z'));
  });

  test('to a new source opens an archived track again and drops the copy of that asset alone', async (t) => {
    const db = await testDatabase(t);
    for (const [asset, source] of [
      ['audio', 'audio_url'],
      ['cover', 'cover_url'],
      ['video', 'video_url'],
    ] as const) {
      const { was, is } = await update(db, archived, `${source} = 'https://cdn1.suno.ai/new'`);
      assert.equal(is.archived_to_storage, false, asset);
      assert.equal(is.archived_at, null);
      assert.equal(is[`storage_${asset}_url`], null);
      for (const other of ['audio', 'cover', 'video'].filter((each) => each !== asset)) {
        assert.equal(is[`storage_${other}_url`], was[`storage_${other}_url`]);
      }
      assert.ok(is.archive_scheduled_at !== null, 'and it is due again');
    }
  });

  test('to our own copy, to nothing or to the same source leaves it archived', async (t) => {
    const db = await testDatabase(t);
    for (const change of [
      'audio_url = storage_audio_url',
      `cover_url = '${storageUrl('cover', 'other.jpg')}?download='`,
      'video_url = null',
      "video_url = '  '",
      "audio_url = audio_url || ' '",
    ]) {
      const { was, is } = await update(db, archived, change);
      assert.equal(is.archived_to_storage, true, change);
      assert.deepEqual(is.storage_audio_url, was.storage_audio_url);
      assert.deepEqual(is.archived_at, was.archived_at);
    }
  });
});
