import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createRedact, passwordsOf } from '../../../cli/connect/redact.ts';

test('a password is taken out as it is written in the address, as it is meant and as it would be encoded', () => {
  const redact = createRedact(passwordsOf('postgres://me:p%40ss*word@example.com/postgres'));
  assert.equal(redact('p%40ss*word, p@ss*word'), '…, …');
});

test('a password with a bare % is taken out too, and what is no address has none', () => {
  const redact = createRedact(passwordsOf('postgres://me:hid%den@example.com/postgres'));
  assert.equal(redact('login with hid%den failed'), 'login with … failed');
  assert.deepEqual(passwordsOf('nonsense'), []);
});

test('webhook secrets, secret keys and legacy keys are taken out wherever they come from', () => {
  const redact = createRedact([]);
  assert.equal(
    redact('whsec_YW5vdGhlcg== sb_secret_abc_123 eyJhbGciOiJI.eyJyb2xlIjoi.c2lnbmF0dXJl.'),
    'whsec_… sb_secret_… ….',
  );
});

test('nothing else is taken out', () => {
  const redact = createRedact([undefined, '', 'pg']);
  assert.equal(redact('pg_net is there'), 'pg_net is there');
});
