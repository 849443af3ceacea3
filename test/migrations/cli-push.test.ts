import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { migrationFiles } from '../../local/postgres/database.ts';
import { dumpSchema } from '../../local/postgres/dump-schema.ts';
import { testDatabase } from '../support/database.ts';
import { onConnection } from './app.ts';
import { atomicBodies, splitAsCli } from './cli-split.ts';
import { migrationPath } from './starting-databases.ts';

const texts = () =>
  migrationFiles().map((file) => ({ file, sql: readFileSync(migrationPath(file), 'utf8') }));

test('a file is split as the Supabase CLI does it', () => {
  const cases: [sql: string, statements: string[]][] = [
    [
      'select \';\'; select "a;b" -- c; d\n; select 1',
      ["select ';'", 'select "a;b" -- c; d', 'select 1'],
    ],
    ['do $$ begin; end $$; do $x$ $$; $x$;', ['do $$ begin; end $$', 'do $x$ $$; $x$']],
    [
      "select 'it''s; so'; /* a; /* b; */ c; */ select 2;",
      ["select 'it''s; so'", '/* a; /* b; */ c; */ select 2'],
    ],
    [
      'begin atomic select 1; select 2; end; select 3',
      ['begin atomic select 1; select 2; end', 'select 3'],
    ],
    // Its two defects that matter here: the `end` of `case` ends the body, and `)` closes all brackets.
    [
      'begin atomic select case when a then b end; end; select 3',
      ['begin atomic select case when a then b end', 'end', 'select 3'],
    ],
    [
      'begin atomic select (case when a then b end; 1); end; x',
      ['begin atomic select (case when a then b end; 1); end', 'x'],
    ],
    [
      'begin atomic select (case a(b) end; 1); end; x',
      ['begin atomic select (case a(b) end', '1)', 'end', 'x'],
    ],
    ['begin atomic select pending; end', ['begin atomic select pending', 'end']],
    ['begin work; select 1', ['begin work', 'select 1']],
  ];
  for (const [sql, statements] of cases) assert.deepEqual(splitAsCli(sql), statements, sql);
});

// Earlier CLIs took no notice of brackets.
test('situation 45: no text `end` is in an atomic body but the last, whichever CLI looks for it', () => {
  const bodies = texts().flatMap(({ file, sql }) =>
    atomicBodies(sql).map((body) => ({ file, body })),
  );
  assert.ok(bodies.length > 0);
  for (const { file, body } of bodies) assert.doesNotMatch(body, /end/i, file);
});

test('situation 45: statement by statement, as `supabase db push` sends them, the result is the same', async (t) => {
  const [pushed, run] = [await testDatabase(t, { migrated: false }), await testDatabase(t)];
  for (const { file, sql } of texts()) {
    await onConnection(pushed, async (client) => {
      await client.query('begin');
      for (const text of splitAsCli(sql)) {
        // The extended protocol refuses two statements in one.
        const statement = { text, queryMode: 'extended' };
        await client.query(statement).catch((cause: Error) => {
          throw new Error(`${file}: ${cause.message}\n${text}`, { cause });
        });
      }
      await client.query('commit');
    });
  }
  assert.equal(await dumpSchema(pushed.url), await dumpSchema(run.url));
});
