import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'vitest';
import { afterSuite, type Cleanup } from '../support/cleanup.ts';
import { testDatabase } from '../support/database.ts';
import { type Answer, type Role, roles, type Scene } from './access.ts';
import { table } from './access-table.ts';
import { claim, newTrack, newUser, worker } from './app.ts';

async function scene(t: Cleanup): Promise<Scene> {
  const db = await testDatabase(t);
  const [owner, another] = [await newUser(db), await newUser(db)];
  const [track, failed] = [await newTrack(db, owner), await newTrack(db, owner)];
  const draft = await newTrack(db, owner, { status: 'processing' });
  const claimed = await claim(db, failed);
  await worker(db, claimed).fail();
  await db.query(
    `insert into storage.objects (bucket_id, name) select id, $1 || '/' || $2 from storage.buckets`,
    [owner, randomUUID()],
  );
  return { db, owner, another, track, failed, draft, job: claimed.job_id };
}

/** Runs the statement as the role and undoes it; the Storage API may delete objects, so it may here. */
async function ask(s: Scene, role: Role, sql: string): Promise<Answer> {
  const undo = Symbol('undo');
  let answer: Answer = 0;
  const api = role === 'service' ? 'service_role' : role === 'anon' ? 'anon' : 'authenticated';
  const claims = role === 'owner' || role === 'another' ? { sub: s[role] } : {};
  try {
    await s.db.as(api, claims, async (query) => {
      await query("select set_config('storage.allow_delete_query', 'true', true)");
      answer = (await query(sql)).length;
      throw undo;
    });
  } catch (error) {
    if (error === undo) return answer;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === '42501') return 'denied';
    if (code === '23514') return 'refused';
    throw error;
  }
  return answer;
}

describe('what anon, the owner of a track, another user and the service may do', () => {
  let shared: Promise<Scene> | undefined;
  const suite = afterSuite();
  for (const row of table) {
    test(row.what, async () => {
      shared ??= scene(suite);
      const s = await shared;
      const answers: Partial<Record<Role, Answer>> = {};
      for (const role of roles) answers[role] = await ask(s, role, row.sql(s));
      assert.deepEqual(answers, row.answers);
    });
  }
});
