import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'vitest';
import { testDatabase } from '../../support/database.ts';

describe('a database as Supabase makes it', () => {
  test('gives each test a database of its own', async (t) => {
    const one = await testDatabase(t, { migrated: false });
    const two = await testDatabase(t, { migrated: false });
    await one.query('create table public.mine (id int)');
    const [row] = await two.query("select to_regclass('public.mine') as found");
    assert.equal(row.found, null);
  });

  test('opens new tables and functions of public to the API roles, as the real one does', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await db.query('create table public.open_table (id int)');
    await db.query('create function public.open_function() returns int return 1');
    const rows = await db.as('anon', {}, (query) =>
      query('select id, public.open_function() from public.open_table'),
    );
    assert.deepEqual(rows, []);
  });

  test('runs migrations as a role that is no superuser', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    const [row] = await db.query(
      'select rolsuper, rolbypassrls from pg_roles where rolname = current_user',
    );
    assert.deepEqual(row, { rolsuper: false, rolbypassrls: true });
  });

  test('tells policies who the user is', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    const id = randomUUID();
    const [row] = await db.asUser(id, (query) =>
      query('select auth.uid(), auth.role(), auth.jwt() ->> $1 as claim', ['sub']),
    );
    assert.deepEqual(row, { uid: id, role: 'authenticated', claim: id });
    const [nobody] = await db.query('select auth.uid()');
    assert.equal(nobody.uid, null);
  });

  test('lets postgres write policies on storage.objects and nothing else of its definition', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await db.query('create policy open on storage.objects for select to public using (true)');
    await db.query('drop policy open on storage.objects');
    await assert.rejects(db.query('alter table storage.objects add column mine int'), {
      code: '42501',
    });
    await assert.rejects(db.query('create index mine on storage.objects (name)'), {
      code: '42501',
    });
  });

  test('refuses to delete rows of storage by SQL', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await db.query("insert into storage.buckets (id, name) values ('mine', 'mine')");
    await assert.rejects(db.query("delete from storage.buckets where id = 'mine'"), {
      code: '42501',
      message: /Direct deletion from storage tables is not allowed/,
    });
  });

  test('keeps Vault secrets encrypted and away from the API roles', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await db.query("select vault.create_secret('open sesame', 'door')");
    const [row] = await db.query(
      "select secret, decrypted_secret from vault.decrypted_secrets where name = 'door'",
    );
    assert.equal(row.decrypted_secret, 'open sesame');
    assert.ok(!row.secret.includes('sesame'));
    await assert.rejects(
      db.asUser(randomUUID(), (query) => query('select * from vault.decrypted_secrets')),
      { code: '42501' },
    );
  });

  test('makes net.http_post refuse any other content type than JSON', async (t) => {
    const db = await testDatabase(t, { migrated: false });
    await assert.rejects(
      db.query(
        `select net.http_post('http://127.0.0.1/', '{}', headers := '{"Content-Type":"text/plain"}')`,
      ),
      { code: 'P0001', message: 'Content-Type header must be "application/json"' },
    );
  });
});
