import assert from 'node:assert/strict';
import { test } from 'vitest';
import { plain } from '../../cli/plain.ts';
import {
  claim,
  jobOf,
  moveClock,
  newTrack,
  newUser,
  onConnection,
  service,
  sqlstate,
  storageUrl,
  trackOf,
  worker,
} from '../migrations/app.ts';
import { configureWebhook, sentWebhooks } from '../migrations/sent-webhooks.ts';
import { confirm, takeStalled } from '../migrations/stalled.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const hour = 3_600_000;

test('situation 50: thousands of rows of one user do not stand before the track of another', async (t) => {
  const db = await testDatabase(t);
  const [hostile, other] = [await newUser(db), await newUser(db)];
  await db.query(
    `insert into tracks (user_id, title, status, provider, audio_url, metadata)
     select $1, 'Dead', 'completed', 'replicate', 'https://replicate.delivery/' || n || '.mp3',
       jsonb_build_object('expires_at', now() + interval '20 minutes') from generate_series(1, 3000) n`,
    [hostile],
  );
  const track = await newTrack(db, other, { created_at: new Date(Date.now() - 13.2 * 24 * hour) });
  await moveClock(db, '6 minutes');
  const taken = await takeStalled(db, { limit: 100, room: 100 });
  const places = taken.map(([id]) => id).indexOf(track);
  assert.ok(places >= 0 && places < 2, `it is at place ${places}`);
  assert.ok(taken.length <= 51, `${taken.length}: no owner has more than half of the room`);
  const later = await takeStalled(db, { limit: 100, room: 100 });
  assert.ok(later.length > 0, 'what is beyond waits, and is not lost');
});

const huge = 'x'.repeat(20 * 1024 * 1024);
const long = 'y'.repeat(1024 * 1024);

test('situation 51: texts of 20 MB leave the database bounded', async (t) => {
  const db = await testDatabase(t);
  await configureWebhook(db);
  const user = await newUser(db);
  const track = await newTrack(db, user, {
    title: huge,
    provider: long,
    audio_url: `https://cdn1.suno.ai/${long}`,
    cover_url: long,
    created_at: new Date(Date.now() - 14 * 24 * hour),
  });
  const small = (what: string, rows: unknown) =>
    assert.ok(JSON.stringify(rows).length < 64 * 1024, what);
  for (const { text } of await sentWebhooks(db)) small('webhook', text);
  small('worklist', await service(db)('select * from get_tracks_needing_archiving(10)'));
  small('states', await service(db)('select * from get_archiving_states($1)', [[track]]));
  small('sweep', await service(db)('select * from take_stalled_tracks(10, 10, 5)'));
  const claimed = await claim(db, track);
  small('claim', claimed);
  await worker(db, claimed).fail('provider_gone', long);
  small('states', await service(db)('select * from get_archiving_states($1)', [[track]]));
  small('notifications', await db.query('select * from notifications'));
});

const hugeColumns: [column: string, value: string][] = [
  ['provider', huge],
  ['audio_url', huge],
  ['audio_url', `https://cdn1.suno.ai/${huge}`],
  ['cover_url', ' '.repeat(huge.length)],
  ['video_url', `https://a.b/${'?'.repeat(huge.length)}`],
  ['metadata', JSON.stringify({ expires_at: huge })],
];

test('situation 51: 20 MB in whatever column are taken, copied and failed like any other row, with a message of 20 MB', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  for (const [column, value] of hugeColumns) {
    const track = await newTrack(db, user, { [column]: value });
    const claimed = await claim(db, track);
    assert.equal(claimed.outcome, 'claimed', column);
    assert.ok(JSON.stringify(claimed).length < 64 * 1024, column);
    assert.equal(await worker(db, claimed).fail('provider_gone', huge), true);
    const [state] = await service(db)('select * from get_archiving_states($1)', [[track]]);
    assert.ok(JSON.stringify(state).length < 64 * 1024, column);
    const { error_message } = await jobOf(db, track);
    assert.equal(error_message, huge.slice(0, 2000));
    await db.query('delete from tracks where id = $1', [track]);
  }
});

test('situation 52: twenty requests for one dead track make one job, and then there is a pause', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const request = () =>
    sqlstate(
      db.asUser(user, (query) =>
        query(
          "insert into track_archiving_jobs (track_id, user_id, status) values ($1, $2, 'pending')",
          [track, user],
        ),
      ),
    );
  const answers: (string | undefined)[] = [];
  for (let i = 0; i < 10; i++) answers.push(await request());
  await worker(db, await claim(db, track)).fail();
  for (let i = 0; i < 10; i++) answers.push(await request());
  assert.deepEqual(answers, [undefined, ...Array(19).fill('P0001')]);
  const [{ count }] = await db.query('select count(*)::int from track_archiving_jobs');
  assert.equal(count, 1);
  await moveClock(db, '11 minutes');
  assert.equal(await request(), undefined);
});

test('situation 53: a row that is deleted and inserted at once cannot be forged as archived', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await service(db)('select mark_track_archived($1, $2)', [track, storageUrl('audio')]);
  const row = await trackOf(db, track);
  const forged = { ...row, audio_url: 'https://cdn1.suno.ai/other.mp3' };
  const names = Object.keys(forged);
  const insert = `insert into tracks (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`;
  await onConnection(db, async (deleting) => {
    await onConnection(db, async (inserting) => {
      for (const session of [deleting, inserting]) {
        await session.query('begin');
        await session.query("select set_config('request.jwt.claims', $1, true)", [
          JSON.stringify({ sub: user }),
        ]);
        await session.query('set local role authenticated');
      }
      await deleting.query('delete from tracks where id = $1', [track]);
      const forging = sqlstate(inserting.query(insert, Object.values(forged)));
      await until(
        async () => (await db.query('select from pg_locks where not granted')).length > 0,
      );
      await deleting.query('commit');
      assert.equal(await forging, '42501');
      await inserting.query('rollback');
    });
  });
  assert.equal(await trackOf(db, track), undefined);
});

test('situation 53: nor while the row is there', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  const forge = db.asUser(user, async (query) => {
    await query('delete from tracks where id = $1', [track]);
    await query(
      `insert into tracks (id, user_id, title, status, archived_to_storage, storage_audio_url)
       values ($1, $2, 'T', 'completed', true, 'https://files.example/x.mp3')`,
      [track, user],
    );
  });
  assert.equal(await sqlstate(forge), '42501');
  assert.equal((await trackOf(db, track)).archived_to_storage, false);
});

test('situation 56: what rows say cannot drive a terminal', () => {
  for (const text of [
    'suno\u001b[2K\r\u001b[32m✓ all is well\u001b[0m',
    'a\nb\r\nc',
    'right\u202eleft',
    '\u009b31mred',
    'nul\u0000l',
  ]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
    assert.doesNotMatch(plain(text, 100), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  }
});

test('one owner with more on the queue than others waits, and is not lost', async (t) => {
  const db = await testDatabase(t);
  const [busy, other] = [await newUser(db), await newUser(db)];
  const due = { created_at: new Date(Date.now() - 13.2 * 24 * hour) };
  for (let n = 0; n < 60; n++) await confirm(db, await newTrack(db, busy, due), 'queue');
  const waiting = await newTrack(db, busy, due);
  const others = await newTrack(db, other, due);
  await moveClock(db, '6 minutes');
  assert.deepEqual(
    (await takeStalled(db, { room: 40 })).map(([id]) => id),
    [others],
  );
  await moveClock(db, '2 hours');
  assert.ok((await takeStalled(db, { room: 1000 })).some(([id]) => id === waiting));
});
