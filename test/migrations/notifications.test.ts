import assert from 'node:assert/strict';
import { test } from 'vitest';
import { applyMigrations } from '../../local/postgres/database.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, jobOf, newTrack, newUser, onConnection, sqlstate, worker } from './app.ts';

async function failedTrack(db: TestDatabase, title = 'Ночь "№ 1"') {
  const user = await newUser(db);
  const track = await newTrack(db, user, { title });
  assert.equal(await worker(db, await claim(db, track)).fail(), true);
  return { user, track, job: await jobOf(db, track) };
}

test('the owner is told in Russian, in the words of the spec', async (t) => {
  const db = await testDatabase(t);
  const { user, track } = await failedTrack(db);
  const [row] = await db.query('select user_id, type, title, message, link from notifications');
  assert.deepEqual(row, {
    user_id: user,
    type: 'warning',
    title: 'Не удалось архивировать трек',
    message: 'Трек "Ночь "№ 1"" не был сохранен. Он может стать недоступен.',
    link: `/workspace/library?track=${track}`,
  });
});

test('or in English, by the setting', async (t) => {
  const db = await testDatabase(t);
  await db.query("update track_archiving_settings set language = 'en'");
  await failedTrack(db, 'Night %s');
  const [row] = await db.query('select title, message from notifications');
  assert.deepEqual(row, {
    title: 'Track could not be archived',
    message: 'Track "Night %s" was not saved. It may become unavailable.',
  });
});

test('the settings are one row, with a language that exists', async (t) => {
  const db = await testDatabase(t);
  const change = (sql: string) => sqlstate(db.query(sql));
  assert.equal(await change("update track_archiving_settings set language = 'fr'"), '23514');
  assert.equal(await change('insert into track_archiving_settings default values'), '23505');
  assert.equal(
    await change('insert into track_archiving_settings (only_row) values (false)'),
    '23514',
  );
});

test("an app's own notifications are kept as they are and used where they fit", async (t) => {
  const db = await testDatabase(t, { migrated: false });
  await db.query(`create table public.notifications (id bigserial primary key, user_id uuid not null,
    type text not null default 'info', title text, message text, link text, urgent boolean default false)`);
  await applyMigrations(db.url);
  await failedTrack(db);
  const [row] = await db.query('select id, urgent, title from notifications');
  assert.deepEqual(row, { id: '1', urgent: false, title: 'Не удалось архивировать трек' });
});

const misfits = {
  'has other columns': 'create table public.notifications (id uuid, recipient uuid, body text)',
  'refuses the type': `create table public.notifications (user_id uuid, type text check (type = 'news'),
    title text, message text, link text)`,
  'has a trigger that raises': `create table public.notifications (user_id uuid, type text, title text,
      message text, link text);
    create function public.raise_it() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
    create trigger raise_it before insert on public.notifications for each row execute function public.raise_it()`,
};

for (const [what, sql] of Object.entries(misfits)) {
  test(`an app whose notifications table ${what} has the failure recorded all the same`, async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await db.query(sql);
    await applyMigrations(db.url);
    const { job } = await failedTrack(db);
    assert.equal(job.status, 'failed');
    assert.equal(typeof job.metadata.notification_error, 'string');
    assert.deepEqual(await db.query('select * from notifications'), []);
  });
}

test('a table of notifications that is gone or locked costs the notification, not the record', async (t) => {
  const db = await testDatabase(t);
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query('lock table notifications in access exclusive mode');
    const { job } = await failedTrack(db);
    assert.match(job.metadata.notification_error, /lock timeout/);
    await client.query('drop table notifications');
    await client.query('commit');
  });
  assert.match((await failedTrack(db)).job.metadata.notification_error, /does not exist/);
});
