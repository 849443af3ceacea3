import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { ArchiveFailure } from '../../core/failure.ts';
import { hostMatches, isPublicAddress, parseSourceUrl, redactUrl } from '../../core/source-url.ts';

const allowed = ['cdn.example.com', '*.files.example.com', 'xn--mnchen-3ya.example'];

const codeOf = (url: string, hosts = allowed): string | undefined => {
  try {
    parseSourceUrl(url, hosts);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ArchiveFailure);
    return error.code;
  }
};

describe('an address that the archiver may fetch', () => {
  for (const url of [
    'https://cdn.example.com/a.mp3',
    'https://CDN.Example.COM/a.mp3?sig=1',
    'https://cdn.example.com:443/a.mp3',
    'https://a.files.example.com/x',
    'https://a.b.files.example.com/x',
    'https://münchen.example/lied.mp3',
    '  https://cdn.example.com/with space.mp3#part  ',
  ]) {
    test(`is ${url}`, () => assert.equal(codeOf(url), undefined));
  }

  test('loses its fragment and keeps its query', () => {
    assert.equal(
      parseSourceUrl('https://cdn.example.com/a b?c=d#e', allowed).href,
      'https://cdn.example.com/a%20b?c=d',
    );
  });
});

describe('an address that the archiver may not fetch', () => {
  for (const [url, code] of [
    ['', 'url_invalid'],
    ['not a url', 'url_invalid'],
    ['/relative.mp3', 'url_invalid'],
    ['http://cdn.example.com/a', 'url_invalid'],
    ['ftp://cdn.example.com/a', 'url_invalid'],
    ['file:///etc/passwd', 'url_invalid'],
    ['data:audio/mpeg;base64,AAAA', 'url_invalid'],
    ['https://user@cdn.example.com/a', 'url_invalid'],
    ['https://user:pass@cdn.example.com/a', 'url_invalid'],
    ['https://cdn.example.com:8443/a', 'url_invalid'],
    ['https://cdn.example.com@evil.example/a', 'url_invalid'],
    ['https://evil.example/a', 'host_not_allowed'],
    ['https://evil.example/cdn.example.com', 'host_not_allowed'],
    ['https://evilcdn.example.com/a', 'host_not_allowed'],
    ['https://cdn.example.com.evil.example/a', 'host_not_allowed'],
    ['https://cdn.example.com./a', 'host_not_allowed'],
    ['https://files.example.com/a', 'host_not_allowed'],
    ['https://evilfiles.example.com/a', 'host_not_allowed'],
    ['https://cdn%2eexample%2ecom.evil.example/a', 'host_not_allowed'],
    ['https://localhost/a', 'host_not_allowed'],
    ['https://93.184.216.34/a', 'host_not_allowed'],
    ['https://[2606:2800:220:1::1]/a', 'host_not_allowed'],
    ['https://127.0.0.1/a', 'address_not_public'],
    ['https://127.1/a', 'address_not_public'],
    ['https://2130706433/a', 'address_not_public'],
    ['https://0x7f.0.0.1/a', 'address_not_public'],
    ['https://0177.0.0.1/a', 'address_not_public'],
    ['https://169.254.169.254/latest/meta-data', 'address_not_public'],
    ['https://[::1]/a', 'address_not_public'],
    ['https://[::ffff:10.0.0.1]/a', 'address_not_public'],
    ['https://[fd00::1]/a', 'address_not_public'],
  ] as const) {
    test(`is ${JSON.stringify(url)}: ${code}`, () => assert.equal(codeOf(url), code));
  }

  test('is a literal address even where the policy names it', () => {
    assert.equal(codeOf('https://127.0.0.1/a', ['127.0.0.1']), 'address_not_public');
    assert.equal(codeOf('https://93.184.216.34/a', ['93.184.216.34']), 'host_not_allowed');
  });
});

describe('a pattern of the policy', () => {
  test('matches a host only as a whole, or below a whole suffix', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
    fc.assert(
      fc.property(label, label, (one, two) => {
        assert.ok(hostMatches(`${one}.${two}.example`, [`*.${two}.example`]));
        assert.ok(!hostMatches(`${one}${two}.example`, [`*.${two}.example`, `${two}.example`]));
        assert.ok(!hostMatches(`${two}.example.${one}`, [`*.${two}.example`, `${two}.example`]));
      }),
    );
  });

  test('that is empty, a lone star or no host matches nothing', () => {
    for (const pattern of ['', '*', '*.', '.', 'a b', '*.*', 'https://cdn.example.com']) {
      assert.equal(hostMatches('cdn.example.com', [pattern]), false, pattern);
    }
  });

  test('may be written in capitals or in its own script', () => {
    assert.ok(hostMatches('cdn.example.com', ['CDN.Example.com']));
    assert.ok(hostMatches('xn--mnchen-3ya.example', ['münchen.example']));
  });
});

describe('an address is public', () => {
  for (const address of ['93.184.216.34', '8.8.8.8', '2606:4700::1', '::ffff:8.8.8.8']) {
    test(`where it is ${address}`, () => assert.ok(isPublicAddress(address)));
  }
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.1.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fd12::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::7f00:1',
    '2001:db8::1',
    '2002:7f00:1::',
    'cdn.example.com',
    '',
  ]) {
    test(`not where it is ${JSON.stringify(address)}`, () => assert.ok(!isPublicAddress(address)));
  }
});

test('an address in a message shows neither query nor credentials nor fragment', () => {
  assert.equal(
    redactUrl('https://u:p@cdn.example.com/a.mp3?token=secret#x'),
    'https://cdn.example.com/a.mp3',
  );
  assert.equal(redactUrl('secret'), '(not a URL)');
});
