import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { KeyRing, signToken } from '../../../local/supabase/keys.ts';

const jwtSecret = 'a secret of at least thirty-two characters';
const ring = new KeyRing(jwtSecret);
const { keys } = ring;
const bearer = (token: string) => `Bearer ${token}`;
const refused = { name: 'HttpError', status: 401 };

describe('API keys', () => {
  test('speak for the service or for anybody, in both kinds', () => {
    assert.equal(ring.identify({ apikey: keys.secret }).role, 'service_role');
    assert.equal(ring.identify({ apikey: keys.serviceRole }).role, 'service_role');
    assert.equal(ring.identify({ apikey: keys.publishable }).role, 'anon');
    assert.equal(ring.identify({ apikey: keys.anon }).role, 'anon');
  });

  test('may stand in Authorization where they are identical to the apikey header', () => {
    const caller = ring.identify({ apikey: keys.secret, authorization: bearer(keys.secret) });
    assert.equal(caller.role, 'service_role');
    const headers = { apikey: keys.publishable, authorization: bearer(keys.secret) };
    assert.throws(() => ring.identify(headers), refused);
  });

  test('are required and must be known', () => {
    assert.throws(() => ring.identify({}), refused);
    assert.throws(() => ring.identify({ authorization: bearer(keys.serviceRole) }), refused);
    assert.throws(() => ring.identify({ apikey: 'sb_secret_other' }), refused);
  });

  test('of the secret kind are refused to browsers', () => {
    const headers = { apikey: keys.secret, 'user-agent': 'Mozilla/5.0 (X11; Linux) Firefox/140.0' };
    assert.throws(() => ring.identify(headers), refused);
    assert.equal(ring.identify({ ...headers, apikey: keys.publishable }).role, 'anon');
  });

  test('give way to the token of a signed-in user', () => {
    const authorization = bearer(ring.userToken('someone'));
    const caller = ring.identify({ apikey: keys.publishable, authorization });
    assert.equal(caller.role, 'authenticated');
    assert.equal(caller.claims.sub, 'someone');
  });

  test('do not cover a token that is expired or signed by somebody else', () => {
    const claims = { role: 'service_role', sub: 'someone' };
    const old = signToken({ ...claims, exp: 1 }, jwtSecret);
    const forged = signToken(claims, 'another secret');
    for (const token of [old, forged, 'no.token', 'nonsense']) {
      const headers = { apikey: keys.publishable, authorization: bearer(token) };
      assert.throws(() => ring.identify(headers), refused);
    }
  });
});
