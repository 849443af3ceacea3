import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newTrack, newUser, onConnection, trackOf } from './app.ts';

const hour = 3_600_000;
const day = 24 * hour;
const created = new Date('2026-05-01T10:00:00.123Z');
const later = (milliseconds: number) => new Date(created.getTime() + milliseconds);

interface Case {
  what: string;
  columns: Record<string, unknown>;
  due: Date | null;
}

const cases: Case[] = [
  { what: 'suno: after 13 days', columns: { provider: 'suno' }, due: later(13 * day) },
  { what: 'mureka: after 13 days', columns: { provider: 'mureka' }, due: later(13 * day) },
  {
    what: 'a provider nobody knows: after 13 days',
    columns: { provider: 'x' },
    due: later(13 * day),
  },
  { what: 'no provider: after 13 days', columns: { provider: null }, due: later(13 * day) },
  {
    what: 'Suno, written otherwise: after 13 days',
    columns: { provider: ' Suno ' },
    due: later(13 * day),
  },
  {
    what: 'replicate, which keeps files an hour: at once',
    columns: { provider: 'replicate' },
    due: created,
  },
  { what: 'fal: at once', columns: { provider: 'fal' }, due: created },
  {
    what: 'kie, which keeps them 14 days: after 12',
    columns: { provider: 'kie' },
    due: later(12 * day),
  },
  {
    what: 'a known expiry, two days before it',
    columns: { metadata: { expires_at: later(10 * day).toISOString() } },
    due: later(8 * day),
  },
  {
    what: 'an expiry too near for two days: already due',
    columns: { metadata: { expires_at: later(hour).toISOString() } },
    due: later(hour - 2 * day),
  },
  {
    what: 'an expiry later than the policy does not postpone',
    columns: { metadata: { expires_at: later(60 * day).toISOString() } },
    due: later(13 * day),
  },
  {
    what: 'an expiry as Unix seconds',
    columns: { metadata: { expires_at: later(10 * day).getTime() / 1000 } },
    due: later(8 * day),
  },
  {
    what: 'an expiry as Unix milliseconds',
    columns: { metadata: { expires_at: later(10 * day).getTime() } },
    due: later(8 * day),
  },
  {
    what: 'an expiry without a zone is in UTC',
    columns: { metadata: { expires_at: '2026-05-11 10:00:00' } },
    due: new Date('2026-05-09T10:00:00Z'),
  },
  {
    what: 'an expiry with a zone',
    columns: { metadata: { expires_at: '2026-05-11T12:00:00.5+02:00' } },
    due: new Date('2026-05-09T10:00:00.500Z'),
  },
  ...[
    'tomorrow',
    'infinity',
    'now',
    '',
    '2026-02-31',
    '2026-13-01T00:00:00Z',
    '2026-05-11T99:00:00Z',
    '2026-05-11T10:00:00+99:99',
    '0001-01-01',
    '9999-12-31',
    -1,
    1e300,
    99_999_999_999_999,
    null,
    true,
    { deep: 1 },
    ['2026-05-11'],
    '\u202e2026-05-11',
    `2026-05-11${' '.repeat(100_000)}`,
  ].map((garbage) => ({
    what: `an expiry that is none: ${JSON.stringify(garbage).slice(0, 40)}`,
    columns: { metadata: { expires_at: garbage } },
    due: later(13 * day),
  })),
  ...['[]', '"text"', '["expires_at"]', 'null', '7'].map((metadata) => ({
    what: `metadata that is no object: ${metadata}`,
    columns: { metadata },
    due: later(13 * day),
  })),
  { what: 'a track that is not completed', columns: { status: 'processing' }, due: null },
  {
    what: 'a track created before there were providers',
    columns: { created_at: '-infinity' },
    due: new Date('2000-01-14Z'),
  },
];

test('a completed track is given its date by the policy and its own expiry', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  for (const { what, columns, due } of cases) {
    const track = await newTrack(db, user, { created_at: created, ...columns });
    assert.deepEqual((await trackOf(db, track)).archive_scheduled_at, due, what);
  }
});

test('a track that says it was created in the future is archived by the time it is seen', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  for (const created_at of ['2199-01-01Z', 'infinity']) {
    const track = await newTrack(db, user, { created_at });
    const [row] = await db.query(
      "select archive_scheduled_at < now() + interval '13 days 1 second' as soon from tracks where id = $1",
      [track],
    );
    assert.equal(row?.soon, true);
  }
});

test('the date does not depend on the time zone of the session', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const { rows } = await onConnection(db, async (client) => {
    await client.query("set timezone = 'Europe/Berlin'");
    // Clocks go forward on 29 March 2026.
    return client.query(
      `insert into tracks (user_id, title, prompt, status, created_at)
     values ($1, 'T', '', 'completed', '2026-03-20T12:00:00Z') returning archive_scheduled_at`,
      [user],
    );
  });
  assert.deepEqual(rows[0].archive_scheduled_at, new Date('2026-04-02T12:00:00Z'));
});

test('the operator may change a policy and add one', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  await db.query(`update track_archiving_policies set archive_after = '1 day' where provider = 'suno';
    insert into track_archiving_policies (provider, retention, archive_after, allowed_hosts)
    values ('mine', '2 days', '6 hours', '{*.mine.example}')`);
  for (const [provider, due] of [
    ['suno', later(day)],
    ['mine', later(6 * hour)],
  ] as const) {
    const track = await newTrack(db, user, { provider, created_at: created });
    assert.deepEqual((await trackOf(db, track)).archive_scheduled_at, due);
  }
});
