import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { migrationFiles } from '../../local/postgres/database.ts';
import { migrationPath } from './starts.ts';

const texts = migrationFiles().map((file) => ({
  file,
  sql: readFileSync(migrationPath(file), 'utf8'),
}));

test('no function, view or trigger is defined twice over all migrations', () => {
  const definition =
    /^\s*create (?:or replace )?(?:function|view|trigger) (?<name>[a-z_.0-9]+)(?: (?:before|after)[^;]*? on (?<table>[a-z_.]+))?/gm;
  const seen = new Map<string, string>();
  for (const { file, sql } of texts) {
    for (const { groups } of sql.matchAll(definition)) {
      const name = [groups?.name, groups?.table].join(' ');
      assert.equal(seen.get(name), undefined, `${name} in ${file}`);
      seen.set(name, file);
    }
  }
  assert.ok(seen.size > 40, `${seen.size} definitions found`);
});

test('a migration says in its header why it is, what it locks and what it does when applied again', () => {
  for (const { file, sql } of texts) {
    for (const word of ['Why', 'Lock', 'Again'])
      assert.match(sql, new RegExp(`^-- ${word}: `, 'm'), file);
    assert.ok(sql.split('\n').length <= 250, `${file} is short enough to be read`);
  }
});
