import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { claim, jobOf, newTrack, newUser, plan, sqlstate, storageUrl, worker } from './app.ts';

/** A job in each state, reached as the product reaches it. */
const states: Record<string, (db: TestDatabase) => Promise<string>> = {
  pending: async (db) => (await plan(db, await newTrack(db, await newUser(db)))).job_id,
  processing: async (db) => (await claim(db, await newTrack(db, await newUser(db)))).job_id,
  completed: async (db) => {
    const track = await newTrack(db, await newUser(db), { cover_url: null, video_url: null });
    const at = worker(db, await claim(db, track));
    await at.store('audio', storageUrl('audio'));
    await at.complete();
    return (await jobOf(db, track)).id;
  },
  failed: async (db) => {
    const track = await newTrack(db, await newUser(db));
    await worker(db, await claim(db, track)).fail();
    return (await jobOf(db, track)).id;
  },
};

/** What has to be set with a state for its own constraints to hold. */
const withState: Record<string, string> = {
  pending: 'lease_expires_at = null',
  processing: `lease_expires_at = now() + interval '1 hour', started_at = now(),
    fencing_token = nextval('archiver.fencing_tokens')`,
  completed: 'lease_expires_at = null, next_check_at = null, completed_at = now()',
  failed: "lease_expires_at = null, next_check_at = null, error_code = 'internal'",
};

const legal = new Set([
  'pending → processing',
  // A person has the files.
  'pending → completed',
  // The sweep: its deadline has passed.
  'pending → failed',
  'processing → pending',
  'processing → completed',
  'processing → failed',
]);

test('of all transitions between states only the legal ones are possible, for the owner of the table too', async (t) => {
  const db = await testDatabase(t);
  const found: Record<string, boolean> = {};
  const expected: Record<string, boolean> = {};
  for (const [from, reach] of Object.entries(states)) {
    for (const to of Object.keys(states).filter((each) => each !== from)) {
      const job = await reach(db);
      const refused = await sqlstate(
        db.query(
          `update track_archiving_jobs set status = '${to}', ${withState[to]} where id = $1`,
          [job],
        ),
      );
      assert.ok(refused === undefined || refused === '23514', refused);
      found[`${from} → ${to}`] = refused === undefined;
      expected[`${from} → ${to}`] = legal.has(`${from} → ${to}`);
    }
  }
  assert.deepEqual(found, expected);
});

test('docs/state-machine.md draws each legal transition of a job, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/state-machine.md'), 'utf8');
  const [drawing = ''] = /stateDiagram-v2[^`]+/.exec(text) ?? [];
  const drawn = [...drawing.matchAll(/^ {2}(\w+) --> (\w+)/gm)].map(([, a, b]) => `${a} → ${b}`);
  assert.deepEqual(new Set(drawn), legal);
});

test('a state comes with what belongs to it', async (t) => {
  const db = await testDatabase(t);
  const refused = async (state: string, change: string) => {
    const job = await states[state]?.(db);
    return sqlstate(db.query(`update track_archiving_jobs set ${change} where id = $1`, [job]));
  };
  assert.equal(await refused('pending', "status = 'processing'"), '23514', 'no claim');
  assert.equal(await refused('pending', 'lease_expires_at = now()'), '23514', 'no lease');
  assert.equal(await refused('processing', 'lease_expires_at = null'), '23514');
  assert.equal(
    await refused('processing', "status = 'failed', lease_expires_at = null"),
    '23514',
    'no code',
  );
  assert.equal(
    await refused('processing', "status = 'completed', lease_expires_at = null"),
    '23514',
    'no date',
  );
  assert.equal(await refused('pending', "status = 'done'"), '23514');
  assert.equal(await refused('pending', 'attempt = -1'), '23514');
});

test('a fencing token only grows, and not while another holds the lease', async (t) => {
  const db = await testDatabase(t);
  const track = await newTrack(db, await newUser(db));
  const { job_id } = await claim(db, track);
  const set = (value: string) =>
    sqlstate(
      db.query(`update track_archiving_jobs set fencing_token = ${value} where id = $1`, [job_id]),
    );
  assert.equal(await set('fencing_token - 1'), '23514');
  assert.equal(await set('null'), '23514');
  assert.equal(await set("nextval('archiver.fencing_tokens')"), '23514', 'the lease is live');
});

test('a track has one open job at most', async (t) => {
  const db = await testDatabase(t);
  const user = await newUser(db);
  const track = await newTrack(db, user);
  await plan(db, track);
  const insert = () =>
    sqlstate(
      db.query('insert into track_archiving_jobs (track_id, user_id) values ($1, $2)', [
        track,
        user,
      ]),
    );
  assert.equal(await insert(), '23505');
  await claim(db, track);
  assert.equal(await insert(), '23505');
});
