import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { verdict } from './verdict.ts';

describe('no address passes the guard', () => {
  const table: [url: string, code: string][] = [
    ['https://2852039166/', 'address_not_public'],
    ['https://0xa9fea9fe/', 'address_not_public'],
    ['https://0251.0376.0251.0376/', 'address_not_public'],
    ['https://0xA9.254.0251.254/', 'address_not_public'],
    ['https://169.254.43518/', 'address_not_public'],
    ['https://169.16689662/', 'address_not_public'],
    ['https://127.0.1/', 'address_not_public'],
    ['https://0/', 'address_not_public'],
    ['https://0x0/', 'address_not_public'],
    ['https://127.0.0.1./', 'address_not_public'],
    ['https://127.0.0.1../', 'host_not_allowed'],
    ['https://127.0.0.1%2e/', 'address_not_public'],
    ['https://１２７.０.０.１/', 'address_not_public'],
    ['https://①②⑦.⓪.⓪.①/', 'address_not_public'],
    ['https://127。0。0。1/', 'address_not_public'],
    ['https://%31%32%37.0.0.1/', 'address_not_public'],
    ['https://127.0.0.256/', 'url_invalid'],
    ['https://0x7f000001ff/', 'url_invalid'],
    ['https://1.2.3.4.5/', 'url_invalid'],
    ['https://127.0.0.1%00.cdn.example.com/', 'url_invalid'],
    ['https://[::]/', 'address_not_public'],
    ['https://[::ffff:169.254.169.254]/', 'address_not_public'],
    ['https://[::169.254.169.254]/', 'address_not_public'],
    ['https://[::a9fe:a9fe]/', 'address_not_public'],
    ['https://[::8.8.8.8]/', 'address_not_public'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'address_not_public'],
    ['https://[64:ff9b:1::a9fe:a9fe]/', 'address_not_public'],
    ['https://[2002:a9fe:a9fe::]/', 'address_not_public'],
    ['https://[2001:0:808:808:0:ffff:5601:5601]/', 'address_not_public'],
    ['https://[fe80::1%25eth0]/', 'url_invalid'],
    ['https://[fe80::1]/', 'address_not_public'],
    ['https://[fd00:ec2::254]/', 'address_not_public'],
    ['https://[ff02::1]/', 'address_not_public'],
    ['https://[fec0::1]/', 'address_not_public'],
    ['https://[3fff::1]/', 'address_not_public'],
    ['https://[4000::1]/', 'address_not_public'],
    ['https://[2606:4700::1111]/', 'host_not_allowed'],
    ['https://8.8.8.8/', 'host_not_allowed'],
    ['https://[::ffff:8.8.8.8]/', 'host_not_allowed'],
  ];
  for (const [url, code] of table) test(`${url}: ${code}`, () => assert.equal(verdict(url), code));
});

describe('no trick with the parts of a URL passes the guard', () => {
  const table: [url: string, code: string][] = [
    ['https://cdn.example.com@evil.example/', 'url_invalid'],
    ['https://cdn.example.com:443@evil.example/', 'url_invalid'],
    ['https://cdn.example.com%40evil.example/', 'url_invalid'],
    ['https://:password@cdn.example.com/', 'url_invalid'],
    ['https://evil.example\\@cdn.example.com/', 'host_not_allowed'],
    ['https://evil.example\\.cdn.example.com/', 'host_not_allowed'],
    ['https:\\\\evil.example\\cdn.example.com', 'host_not_allowed'],
    ['https:evil.example', 'host_not_allowed'],
    ['https:////evil.example/', 'host_not_allowed'],
    ['https://evil.example#@cdn.example.com/', 'host_not_allowed'],
    ['https://evil.example?@cdn.example.com/', 'host_not_allowed'],
    ['https://evil.example;cdn.example.com/', 'host_not_allowed'],
    ['https://evil.example%23.cdn.example.com/', 'url_invalid'],
    ['https://evil.example%2f.files.example.com/', 'url_invalid'],
    ['https://evil.example/.files.example.com', 'host_not_allowed'],
    ['https://evil.ex\tample/', 'host_not_allowed'],
    ['https://cdn.example.com:80/', 'url_invalid'],
    ['https://cdn.example.com:8443/', 'url_invalid'],
    ['https://cdn.example.com:0/', 'url_invalid'],
    ['https://cdn.example.com:65536/', 'url_invalid'],
    ['http://cdn.example.com/', 'url_invalid'],
    ['HTTP://cdn.example.com/', 'url_invalid'],
    ['//cdn.example.com/', 'url_invalid'],
    ['wss://cdn.example.com/', 'url_invalid'],
    ['gopher://cdn.example.com/', 'url_invalid'],
    ['blob:https://cdn.example.com/x', 'url_invalid'],
    ['view-source:https://cdn.example.com/', 'url_invalid'],
    ['javascript:https://cdn.example.com/', 'url_invalid'],
    ['https://', 'url_invalid'],
    ['https:///', 'url_invalid'],
  ];
  for (const [url, code] of table) {
    test(`${JSON.stringify(url)}: ${code}`, () => assert.equal(verdict(url), code));
  }
});

describe('no look-alike of a host that the policy allows passes the guard', () => {
  for (const url of [
    'https://files.example.com/',
    'https://.files.example.com/',
    'https://xfiles.example.com/',
    'https://x-files.example.com/',
    'https://a.files.example.com.evil.example/',
    'https://a.files.example.com./',
    'https://a.files.example.co/',
    'https://a.files.example.comm/',
    'https://a.files-example.com/',
    'https://a.filesxexample.com/',
    'https://cdn.example.com.evil.example/',
    'https://cdn.exаmple.com/', // Cyrillic а
    'https://cdn.ехample.com/', // Cyrillic е and х
    'https://cdn.example.com·evil.example/',
    'https://xn--cdn-9cd.example.com/',
    'https://evil.example。com/',
    'https://evil.example/https://cdn.example.com/',
  ]) {
    test(url, () => assert.ok(['host_not_allowed', 'url_invalid'].includes(verdict(url))));
  }

  test('while other spellings of the very same host do', () => {
    for (const url of [
      'https://ｃｄｎ.example.com/',
      'https://cdn。example｡com/',
      'https://CD\u00adN.Example.COM/',
      'https://%63dn.example.com/',
    ]) {
      assert.equal(verdict(url), 'passes as https://cdn.example.com/');
    }
  });
});
