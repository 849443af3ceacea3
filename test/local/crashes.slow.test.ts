import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { test } from 'vitest';
import { createSupabaseDatabase } from '../../local/postgres/database.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { startGatewayProcess } from '../../local/supabase/gateway-process.ts';
import { until } from '../support/until.ts';

test('after crashes of PostgreSQL and the gateway all is there as before, at the same addresses', async (t) => {
  const storageDirectory = await mkdtemp(join(tmpdir(), 'track-archiver-test-'));
  const postgres = await startPostgres();
  t.onTestFinished(async () => {
    await postgres.stop();
    await rm(storageDirectory, { recursive: true });
  });
  const url = await createSupabaseDatabase(postgres, 'app');
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => {});
  t.onTestFinished(() => pool.end());
  await pool.query('create table notes (id integer primary key)');
  await pool.query('grant all on notes to service_role');
  await pool.query('alter database app set synchronous_commit = on');

  const gateway = await startGatewayProcess({
    databaseUrl: postgres.url('app', 'authenticator'),
    storageDirectory,
    jwtSecret: 'x'.repeat(32),
    onLog: () => {},
  });
  t.onTestFinished(gateway.stop);
  const headers = {
    apikey: gateway.keys.serviceRole,
    authorization: `Bearer ${gateway.keys.serviceRole}`,
    'content-type': 'application/json',
  };
  const insert = async (id: number) => {
    const body = JSON.stringify({ id });
    return (await fetch(`${gateway.url}/rest/v1/notes`, { method: 'POST', headers, body })).status;
  };
  const ids = async () => {
    const answer = await fetch(`${gateway.url}/rest/v1/notes?select=id&order=id`, { headers });
    return await answer.json();
  };

  assert.equal(await insert(1), 201);
  await postgres.crash();
  await until(async () => (await insert(2)) === 201);
  await gateway.crash();
  assert.equal(await insert(3), 201);
  assert.deepEqual(await ids(), [{ id: 1 }, { id: 2 }, { id: 3 }]);
});
