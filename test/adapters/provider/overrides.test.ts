import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseAddressOverrides } from '../../../adapters/provider/overrides.ts';
import { ConfigurationError } from '../../../core/environment.ts';

const value = '{"CDN.provider.example":"127.0.0.1:8443"}';

test('hosts lead to this machine where AWS is on this machine', () => {
  for (const endpoint of ['http://127.0.0.1:4566', 'http://localhost:4566', 'http://[::1]:4566']) {
    assert.deepEqual(
      [...parseAddressOverrides(value, endpoint)],
      [['cdn.provider.example', { address: '127.0.0.1', port: 8443 }]],
    );
  }
});

test('overrides are refused anywhere else', () => {
  for (const endpoint of [
    undefined,
    'https://sqs.eu-central-1.amazonaws.com',
    'http://127.0.0.1.evil.example',
    'nonsense',
  ]) {
    assert.throws(() => parseAddressOverrides(value, endpoint), ConfigurationError);
  }
});

test('overrides to another machine, or of another shape, are refused', () => {
  for (const wrong of ['', '{', '[]', '{"a":"10.0.0.1:80"}', '{"a":"127.0.0.1"}', '{"a":1}']) {
    assert.throws(() => parseAddressOverrides(wrong, 'http://127.0.0.1:1'), ConfigurationError);
  }
});

test('without the variable there are none', () => {
  assert.equal(parseAddressOverrides(undefined, undefined).size, 0);
});
