import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { claim, newTrack, newUser, storageUrl, worker } from '../migrations/app.ts';
import { hoursAgo, world } from '../migrations/stalled.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const blocks = [...text.matchAll(/```sql\n(.+?)```/gs)].map(([, sql = '']) => sql);
const days = (count: number) => ({ created_at: hoursAgo(count * 24) });

test('every query of the runbook runs, and the first lists every track that is not archived, with its reason', async (t) => {
  const { db, user } = await world(t);
  const waiting = await newTrack(db, user);
  const late = await newTrack(db, user, { ...days(14.5), archived_to_storage: null });
  const failed = await newTrack(db, user, days(14));
  const expired = await newTrack(db, user, days(16));
  await worker(db, await claim(db, failed)).fail('provider_gone', 'answered 404');
  await worker(db, await claim(db, expired)).fail('expired');
  await newTrack(db, await newUser(db), { ...days(14), archived_to_storage: true });
  await newTrack(db, user, { status: 'processing' });
  const [overview = '', ...others] = blocks.filter((sql) => !sql.includes('…'));
  const rows = await db.query(overview);
  assert.deepEqual(
    rows.map((row) => [row.id, row.job, row.error_code, row.is_past_its_deadline]),
    [
      [late, 'pending', null, false],
      [failed, 'failed', 'provider_gone', false],
      [waiting, 'pending', null, false],
      [expired, 'failed', 'expired', true],
    ],
  );
  const [codes, due, lost, refused, ...rest] = await Promise.all(
    others.map((sql) => db.query(sql)),
  );
  assert.deepEqual(codes?.map(({ error_code }) => error_code).sort(), ['expired', 'provider_gone']);
  assert.deepEqual(
    due?.map(({ id }) => id),
    [expired, late, failed],
  );
  assert.deepEqual(lost, [], 'no file is lost in Storage');
  assert.deepEqual(refused, [], 'no cover or video is refused');
  assert.deepEqual(rest, []);
});

test('a cover that was refused, of a track that is archived, is asked for once more as the runbook says', async (t) => {
  const { db, user } = await world(t);
  const id = await newTrack(db, user, { ...days(14), video_url: null });
  const first = worker(db, await claim(db, id));
  await first.store('audio', storageUrl('audio'));
  await first.record('cover', null, { code: 'provider_gone' });
  assert.equal(await first.complete(), 'completed');
  const [again = '', ...others] = blocks.filter((sql) => sql.includes('…'));
  assert.deepEqual(others, []);
  await db.query(again.replaceAll('…', id));
  const { outcome, gone, cover_url } = await claim(db, id);
  assert.deepEqual([outcome, gone], ['claimed', []]);
  assert.match(cover_url, /cover/);
});
