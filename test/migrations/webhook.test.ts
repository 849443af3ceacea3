import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { test } from 'vitest';
import { TrackWebhook, webhookTrackId } from '../../core/webhook.ts';
import { applyMigrations } from '../../local/postgres/database.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, newTrack, newUser, onConnection, plan, storageUrl, worker } from './app.ts';
import { configureWebhook, sentWebhooks, webhookSecret, webhookUrl } from './sent-webhooks.ts';

async function configured(t: Cleanup): Promise<TestDatabase> {
  const db = await testDatabase(t);
  await configureWebhook(db);
  return db;
}

test('a completed track is announced with the small payload that the endpoint parses', async (t) => {
  const db = await configured(t);
  const user = await newUser(db);
  const track = await newTrack(db, user, { prompt: 'x'.repeat(100_000) });
  const [sent, ...more] = await sentWebhooks(db);
  assert.ok(sent);
  assert.deepEqual(more, []);
  assert.deepEqual([sent.url, sent.method, sent.timeout], [webhookUrl, 'POST', 5000]);
  const body = JSON.parse(sent.text);
  const { archive_scheduled_at, ...record } = body.record;
  assert.ok(Date.parse(archive_scheduled_at) > Date.now());
  assert.deepEqual(
    { ...body, record },
    {
      type: 'INSERT',
      table: 'tracks',
      schema: 'public',
      record: {
        id: track,
        user_id: user,
        status: 'completed',
        provider: 'suno',
        archived_to_storage: false,
      },
      old_record: null,
    },
  );
  assert.equal(webhookTrackId(TrackWebhook.parse(body)), track);
});

test('the signature is one of Standard Webhooks over exactly the text that is sent', async (t) => {
  const db = await configured(t);
  await newTrack(db, await newUser(db), { provider: 'ключ "\\ 夜' });
  const [sent] = await sentWebhooks(db);
  assert.ok(sent);
  assert.equal(sent.headers['Content-Type'], 'application/json');
  assert.doesNotThrow(() => new Webhook(webhookSecret).verify(sent.text, sent.headers));
  const other = `whsec_${randomBytes(24).toString('base64')}`;
  assert.throws(() => new Webhook(other).verify(sent.text, sent.headers));
  assert.throws(() => new Webhook(webhookSecret).verify(`${sent.text} `, sent.headers));
});

test('while secrets are rotated each of them verifies', async (t) => {
  const db = await testDatabase(t);
  const secrets = [24, 32, 64].map((size) => `whsec_${randomBytes(size).toString('base64')}`);
  await configureWebhook(db, ` ${secrets.join('  ')}\n`);
  await newTrack(db, await newUser(db));
  const [sent] = await sentWebhooks(db);
  assert.ok(sent);
  for (const secret of secrets) {
    assert.doesNotThrow(() => new Webhook(secret).verify(sent.text, sent.headers));
  }
});

test("the HMAC is pgcrypto's, also where an older project has pgcrypto in another schema", async (t) => {
  const db = await testDatabase(t, { migrated: false });
  const admin = new pg.Client(db.adminUrl);
  await admin.connect();
  await admin.query(
    'create schema crypto; grant usage on schema crypto to postgres; alter extension pgcrypto set schema crypto',
  );
  await admin.end();
  await applyMigrations(db.url);
  const [row] = await db.query(`select archiver.hmac_sha256('message', 'key') as mac,
    pg_get_functiondef('archiver.hmac_sha256'::regproc) as definition`);
  assert.match(row?.definition, /RETURN crypto\.hmac\(/);
  assert.deepEqual(row?.mac, createHmac('sha256', 'key').update('message').digest());
});

test('long texts of users do not make the payload large', async (t) => {
  const db = await configured(t);
  await newTrack(db, await newUser(db), {
    provider: 'p'.repeat(100_000),
    audio_url: `https://x/${'a'.repeat(100_000)}`,
    metadata: JSON.stringify({ lyrics: 'l'.repeat(100_000) }),
  });
  const [sent] = await sentWebhooks(db);
  assert.ok(Buffer.byteLength(sent?.text ?? '') < 2000);
});

/** What happens to a completed track, and the events that it should announce. */
const events: [string, string, string[]][] = [
  ['it is completed', "update tracks set status = 'completed'", ['UPDATE']],
  ['its audio changes', "update tracks set audio_url = 'https://x/2'", ['UPDATE']],
  ['its cover changes', "update tracks set cover_url = 'https://x/2'", ['UPDATE']],
  ['its video goes', 'update tracks set video_url = null', ['UPDATE']],
  ['its due date changes', "update tracks set provider = 'replicate'", ['UPDATE']],
  ['it is no longer completed', "update tracks set status = 'failed'", ['UPDATE']],
  ['it is deleted', 'delete from tracks', ['DELETE']],
  ['its owner is deleted', 'delete from auth.users', ['DELETE']],
  ['its title changes', "update tracks set title = 'x', metadata = '{}', updated_at = now()", []],
  [
    'its row is written back unchanged',
    'update tracks set status = status, audio_url = audio_url',
    [],
  ],
];

for (const [what, sql, expected] of events) {
  test(`${expected.length === 0 ? 'nothing is announced' : 'it is announced'} when ${what}`, async (t) => {
    const db = await configured(t);
    const status = what === 'it is completed' ? 'processing' : 'completed';
    const track = await newTrack(db, await newUser(db), { status });
    await sentWebhooks(db);
    await db.query(sql);
    const sent = (await sentWebhooks(db)).map(({ text }) => JSON.parse(text));
    assert.deepEqual(
      sent.map((body) => body.type),
      expected,
    );
    for (const body of sent) assert.equal(body.old_record.id, track);
  });
}

test('tracks that are not completed are nobody else’s business', async (t) => {
  const db = await configured(t);
  await newTrack(db, await newUser(db), { status: 'pending' });
  await db.query("update tracks set audio_url = 'https://x', status = 'processing'");
  await db.query('delete from tracks');
  assert.deepEqual(await sentWebhooks(db), []);
});

test('the archiver does not announce its own work', async (t) => {
  const db = await configured(t);
  const track = await newTrack(db, await newUser(db), { cover_url: null, video_url: null });
  await sentWebhooks(db);
  await plan(db, track);
  const at = worker(db, await claim(db, track));
  await at.store('audio', storageUrl('audio'));
  await at.complete();
  await db.query('update tracks set audio_url = storage_audio_url');
  assert.deepEqual(await sentWebhooks(db), []);
});

test('an archived track that gets a new source is announced', async (t) => {
  const db = await configured(t);
  const track = await newTrack(db, await newUser(db));
  await db.query("select mark_track_archived($1, 'https://s')", [track]);
  await sentWebhooks(db);
  await db.query("update tracks set audio_url = 'https://cdn1.suno.ai/2.mp3'");
  assert.equal((await sentWebhooks(db)).length, 1);
});

test("a user's request is announced, for the due date has changed", async (t) => {
  const db = await configured(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await plan(db, track);
  await sentWebhooks(db);
  await db.asUser(user, (query) =>
    query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [track, user]),
  );
  const [sent] = await sentWebhooks(db);
  assert.ok(Date.parse(JSON.parse(sent?.text ?? '').record.archive_scheduled_at) <= Date.now());
});

test('a rollback announces nothing', async (t) => {
  const db = await configured(t);
  const user = await newUser(db);
  await onConnection(db, async (client) => {
    await client.query('begin');
    await client.query(
      "insert into tracks (user_id, title, prompt, status) values ($1, 'T', '', 'completed')",
      [user],
    );
    await client.query('rollback');
  });
  assert.deepEqual(await sentWebhooks(db), []);
});

test('the secret stands in no definition that others can read', async (t) => {
  const db = await configured(t);
  const [row] = await db.query(
    `select count(*)::int as found from (
    select pg_get_triggerdef(oid) as text from pg_trigger
    union all select prosrc from pg_proc) as definitions where text like '%whsec_' || $1 || '%'`,
    [webhookSecret.slice(6)],
  );
  assert.equal(row?.found, 0);
});
