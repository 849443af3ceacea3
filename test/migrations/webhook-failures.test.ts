import assert from 'node:assert/strict';
import pg from 'pg';
import { describe, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { newTrack, newUser, plan, service, trackOf } from './app.ts';
import { configureWebhook, sentWebhooks, warningsOf } from './sent-webhooks.ts';

async function asSuperuser(db: TestDatabase, sql: string): Promise<void> {
  const client = new pg.Client(db.adminUrl);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const insert = `insert into tracks (user_id, title, prompt, status, audio_url)
  values ($1, 'T', '', 'completed', 'https://x/a') returning id`;

/** The app's three statements; each must do its work. Returns the warnings. */
async function useTheApp(db: TestDatabase, user: string): Promise<string[]> {
  const warnings = [
    ...(await warningsOf(db, insert, [user])),
    ...(await warningsOf(
      db,
      "update tracks set provider = 'mureka', audio_url = 'https://x/b' where user_id = $1",
      [user],
    )),
    ...(await warningsOf(db, "update tracks set status = 'failed' where user_id = $1", [user])),
    ...(await warningsOf(db, "update tracks set status = 'completed' where user_id = $1", [user])),
  ];
  const [row] = await db.query('select status, audio_url from tracks where user_id = $1', [user]);
  assert.deepEqual(row, { status: 'completed', audio_url: 'https://x/b' });
  warnings.push(...(await warningsOf(db, 'delete from tracks where user_id = $1', [user])));
  assert.deepEqual(await db.query('select * from tracks'), []);
  return warnings;
}

const broken = {
  'pg_net is missing': 'drop schema net cascade',
  'http_post of pg_net is gone': 'drop function net.http_post',
  'the queue of pg_net may not be written': `revoke all on net.http_request_queue from public`,
  'Vault is missing': 'drop schema vault cascade',
  'Vault cannot decrypt': `create or replace function vault._decrypt(secret text) returns text
    language plpgsql as $$ begin raise exception 'pgsodium_derive: no server secret key'; end $$`,
  'Vault has no secret': "delete from vault.secrets where name = 'track_archiver_webhook_secret'",
  'Vault has no address': "delete from vault.secrets where name = 'track_archiver_webhook_url'",
  'the secret is no base64': `select vault.update_secret((select id from vault.secrets
    where name = 'track_archiver_webhook_secret'), 'whsec_%%%')`,
  'pgcrypto is dropped': 'drop extension pgcrypto cascade',
  'the provider policies are dropped': 'drop table public.track_archiving_policies cascade',
  'the clock is dropped': 'drop function archiver.clock() cascade',
};

describe("the app's own statements never fail", () => {
  for (const [what, sql] of Object.entries(broken)) {
    test(`when ${what}`, async (t) => {
      const db = await testDatabase(t);
      await configureWebhook(db);
      await asSuperuser(db, sql);
      const warnings = await useTheApp(db, await newUser(db));
      assert.notEqual(warnings.length, 0, 'the log says so');
    });
  }

  test('and warn of nothing when all is well', async (t) => {
    const db = await testDatabase(t);
    await configureWebhook(db);
    assert.deepEqual(await useTheApp(db, await newUser(db)), []);
    assert.equal((await sentWebhooks(db)).length, 5);
  });
});

describe("the app's own statements do not wait", () => {
  /** Holds the lock while `run` works with a statement timeout far below any wait for it. */
  async function whileLocked(
    db: TestDatabase,
    table: string,
    run: (client: pg.Client) => Promise<void>,
  ) {
    const holder = new pg.Client(db.adminUrl);
    const client = new pg.Client(db.url);
    await Promise.all([holder.connect(), client.connect()]);
    try {
      await holder.query(`begin; lock table ${table} in access exclusive mode`);
      await client.query("set statement_timeout = '20s'");
      await run(client);
    } finally {
      await Promise.all([holder.end(), client.end()]);
    }
  }

  test('while the provider policies are locked; planning finds the date later', async (t) => {
    const db = await testDatabase(t);
    await configureWebhook(db);
    const user = await newUser(db);
    let track = '';
    await whileLocked(db, 'track_archiving_policies', async (client) => {
      track = (await client.query(insert, [user])).rows[0].id;
    });
    const [row] = await db.query('select archive_scheduled_at from tracks');
    assert.equal(row?.archive_scheduled_at, null);
    assert.equal((await sentWebhooks(db)).length, 1, 'it is announced all the same');
    assert.ok((await plan(db, track)).due_at > new Date());
  });

  for (const table of ['track_archiving_policies', 'track_archiving_jobs']) {
    test(`while ${table} is locked and a track is completed whose calendar had run out`, async (t) => {
      const db = await testDatabase(t);
      const user = await newUser(db);
      const { rows } = await db.pool.query(insert, [user]);
      const id = rows[0].id;
      await db.query("update tracks set created_at = '2026-01-01Z'");
      await whileLocked(db, table, async (client) => {
        for (const url of ['a', 'b', 'c']) {
          await client.query('update tracks set audio_url = $2 where id = $1', [id, url]);
        }
      });
      assert.equal((await trackOf(db, id)).audio_url, 'c');
    });
  }

  for (const table of ['net.http_request_queue', 'vault.secrets']) {
    test(`while ${table} is locked, once a transaction and not once a row`, async (t) => {
      const db = await testDatabase(t);
      await configureWebhook(db);
      const user = await newUser(db);
      await whileLocked(db, table, async (client) => {
        // 400 waits of 100 ms each would exceed the statement timeout.
        await client.query(
          `insert into tracks (user_id, title, prompt, status)
           select $1, 'T', '', 'completed' from generate_series(1, 400)`,
          [user],
        );
      });
      const [row] = await db.query('select count(*)::int as tracks from tracks');
      assert.equal(row?.tracks, 400);
      await newTrack(db, user);
      assert.equal((await sentWebhooks(db)).length, 1, 'the next transaction announces again');
    });
  }
});

test('what was not announced is on the worklist when it is due', async (t) => {
  const db = await testDatabase(t);
  await asSuperuser(db, 'drop schema net cascade');
  const track = await newTrack(db, await newUser(db), { provider: 'replicate' });
  const [row] = await service(db)('select track_id from get_tracks_needing_archiving()');
  assert.equal(row?.track_id, track);
});
