import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newTrack, newUser, trackOf } from './app.ts';
import { configureWebhook, sentWebhooks } from './sent-webhooks.ts';

/** Types that functions name without a schema; keywords like `integer` are bound by the grammar. */
const types = [
  'text',
  'jsonb',
  'uuid',
  'timestamptz',
  'regclass',
  'oid',
  'name',
  'float8',
  'bytea',
];

/** What a session may make in its own pg_temp: whoever uses one of these is written down. */
const trap = `
  create temp table used (who name, what pg_catalog.text);
  create function pg_temp.note(what pg_catalog.text) returns pg_catalog.bool language plpgsql volatile as $$
  begin
    insert into pg_temp.used values (current_user, what);
    return true;
  end $$;
  create function pg_temp.btrim(pg_catalog.text) returns pg_catalog.text language sql volatile
    as $$ select pg_catalog.substr($1, 1) from pg_temp.note('btrim') $$;
  create function pg_temp.same(pg_catalog.uuid, pg_catalog.uuid) returns pg_catalog.bool language sql volatile
    as $$ select pg_temp.note('=') $$;
  create operator pg_temp.= (leftarg = pg_catalog.uuid, rightarg = pg_catalog.uuid, function = pg_temp.same);
  create temp view pg_class as select oid, pg_temp.note('pg_class') as relowner from pg_catalog.pg_class;
  create temp view tracks as select pg_temp.note('tracks') as it;
  ${types.map((type) => `create domain pg_temp.${type} as pg_catalog.${type} check (pg_temp.note('${type}'));`).join('\n')}`;

test('situation 54: nothing that a session makes in pg_temp runs as somebody else in our triggers', async (t) => {
  const db = await testDatabase(t);
  await configureWebhook(db);
  const user = await newUser(db);
  const waiting = await newTrack(db, user);
  const [late] = await db.query(
    "update tracks set created_at = now() - interval '20 days' where id = $1 returning id",
    [await newTrack(db, user, { status: 'pending' })],
  );
  await db.query(
    `insert into track_archiving_files (track_id, kind, storage_url, bucket_id, object_name, stored_at)
     values ($1, 'audio', 'https://project.example/a', 'tracks-audio', $2, now())`,
    [late.id, `${user}/${late.id}.mp3`],
  );
  await sentWebhooks(db);

  const used = await db.asUser(user, async (query) => {
    await query(trap);
    await query('set search_path = pg_temp, pg_catalog, public');
    await query("update public.tracks set status = 'completed' where id = $1", [late.id]);
    await query(
      "update public.tracks set audio_url = 'https://cdn1.suno.ai/other.mp3' where id = $1",
      [late.id],
    );
    await query('delete from public.tracks where id = $1', [late.id]);
    // The last: what a trigger of it calls is compiled under that trigger's own path, and stays so for the session.
    await query('insert into public.track_archiving_jobs (track_id, user_id) values ($1, $2)', [
      waiting,
      user,
    ]);
    return query(
      'select distinct who, what from pg_temp.used where who <> current_user order by 2',
    );
  });
  assert.deepEqual(used, []);
  assert.equal((await db.query('select from track_archiving_leftovers')).length, 1);
  assert.ok(
    (await trackOf(db, waiting)).archive_scheduled_at <= new Date(),
    'the request was accepted',
  );
  assert.equal((await sentWebhooks(db)).length, 4, 'each trigger did its work');
});
