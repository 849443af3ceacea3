import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ArchiveFailure } from '../../core/failure.ts';
import { redactExcerpt, redactSecrets } from '../../core/redact.ts';

const token = ['eyJhbGciOiJIUzI1NiJ9', 'eyJyb2xlIjoiYW5vbiJ9', 'c2lnbmF0dXJlIQ'].join('.');
const table: [text: string, left: string][] = [
  [token, '…'],
  ['https://cdn.example.com/a?abc', 'https://cdn.example.com/a?…'],
  ['key sb_secret_abc-DEF_123, refused', 'key sb_secret_…, refused'],
  [`{"apikey":"${token}"}`, '{"apikey":"…"}'],
  ['whsec_b25lIG9sZA== is wrong', 'whsec_… is wrong'],
  ['expected v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=', 'expected v1,…'],
  ['authorization: Bearer abcdefgh.12', 'authorization: Bearer …'],
  ['x-amz-security-token:IQoJb3JpZ2lu\nhost', 'x-amz-security-token:…\nhost'],
  ['Credential=AKIAEXAMPLE/20261122', 'Credential=…'],
  ['postgres://postgres:p:w@db.example.com/x', 'postgres://…@db.example.com/x'],
  ['(1, https://cdn.example.com/a.mp3?sig=x&y=1, 2)', '(1, https://cdn.example.com/a.mp3?… 2)'],
  ['"https://user@h.example/?a" and "b?c"', '"https://…@h.example/?…" and "b?c"'],
  [
    `Unexpected token 'x', ..."abc"x"... is not valid JSON`,
    `Unexpected token 'x', … is not valid JSON`,
  ],
];

test('what looks like a secret is taken out of a text, and what stands around it stays', () => {
  for (const [text, left] of table) assert.equal(redactSecrets(text), left);
});

test('what looks like a secret is taken out of JSON, too', () => {
  for (const [text] of table.slice(0, 9)) {
    const redacted = redactSecrets(JSON.stringify(`line\n${text}`));
    assert.doesNotMatch(redacted, /abc|eyJ|b25l|K5oZ|IQoJ|AKIA/, redacted);
  }
});

test('words that only speak of secrets stay', () => {
  for (const text of [
    'SUPABASE_SECRET_KEY: must begin with sb_secret_',
    'The provider answered 404 for https://cdn.example.com/a.mp3',
    'is this a token? yes: token',
    'cdn.example.com: ECONNRESET socket hang up',
  ]) {
    assert.equal(redactSecrets(text), text);
  }
});

test('a failure holds no secret and no novel, whoever wrote its message', () => {
  const failure = new ArchiveFailure('storage_rejected', `no ${token}${' much more'.repeat(1000)}`);
  assert.match(failure.message, /^no … much more/);
  assert.doesNotMatch(failure.stack ?? '', /eyJ/);
  assert.equal(failure.message.length, 1000);
});

test('a text of any length is read in an instant: only its beginning is', () => {
  assert.equal(redactExcerpt('http://'.repeat(1_000_000)).length, 8192);
});
