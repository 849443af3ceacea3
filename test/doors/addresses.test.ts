import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ArchiveFailure } from '../../core/failure.ts';
import { isPublicAddress, parseSourceUrl } from '../../core/source-url.ts';
import { trying } from './fuzz.ts';
import {
  forbiddenIpv4,
  forbiddenIpv6,
  oddIpv4,
  privateIpv4,
  privateIpv6,
  toDotted,
  wrappedIpv4,
} from './notations.ts';

const suffixes = ['cdn.example.com', '*.files.example.com'];

const verdict = (url: string, hosts: readonly string[] = suffixes): string => {
  try {
    return `passes as ${parseSourceUrl(url, hosts).href}`;
  } catch (error) {
    assert.ok(error instanceof ArchiveFailure, `${error}`);
    return error.code;
  }
};

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

/** A URL around a host, with what else a URL may have. */
const around = (host: string): fc.Arbitrary<string> =>
  fc
    .record({
      before: fc.constantFrom('', ' ', '\t', '\n'),
      scheme: fc.constantFrom(
        'https://',
        'HTTPS://',
        'https:\\\\',
        'https:',
        'https:////',
        'http://',
      ),
      user: fc.constantFrom('', '@', 'cdn.example.com@', 'cdn.example.com:443@', 'a:b@', '%40@'),
      port: fc.constantFrom('', ':443', ':80', ':', ':0443'),
      path: fc.constantFrom(
        '',
        '/',
        '/a',
        '/@cdn.example.com',
        '#.files.example.com',
        '?cdn.example.com',
      ),
    })
    .map(({ before, scheme, user, port, path }) => before + scheme + user + host + port + path);

const privateHost: fc.Arbitrary<string> = fc.oneof(
  privateIpv4.chain(oddIpv4),
  privateIpv4.chain(wrappedIpv4).map((address) => `[${address}]`),
  privateIpv6.map((address) => `[${address}]`),
);

describe('for whatever address and URL there may be', () => {
  test('no private address passes in any notation, though the policy names it', () => {
    fc.assert(
      fc.property(
        privateHost.chain((host) => fc.tuple(fc.constant(host), around(host))),
        ([host, url]) => {
          const named = URL.parse(`https://${host}/`)?.hostname ?? host;
          const code = verdict(url, [
            ...suffixes,
            host,
            named,
            `*.${host}`,
            named.replaceAll(/[[\]]/g, ''),
          ]);
          assert.ok(['address_not_public', 'url_invalid'].includes(code), `${url} ${code}`);
        },
      ),
      trying(3000),
    );
  });

  test('the odd notations really are the address that they hide', () => {
    const hidden = privateIpv4.chain((address) =>
      fc.tuple(fc.constant(toDotted(address)), oddIpv4(address)),
    );
    fc.assert(
      fc.property(hidden, ([address, host]) => {
        assert.equal(URL.parse(`https://${host}/`)?.hostname, address);
      }),
      trying(1000),
    );
  });

  test('what passes is https, has no credentials and no port, and its host is one of the policy', () => {
    const piece = fc.constantFrom(
      ...'https: http: / // \\ @ : . ? # %2e %00 %40 [ ] cdn.example.com files.example.com evil.example a 127.0.0.1 0x7f.1 ::1 443 。 а'.split(
        ' ',
      ),
      '\t',
      '\u00ad',
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const url = fc.oneof(
      text,
      text.map((rest) => `https://${rest}`),
      fc.webUrl(),
      fc.string(),
    );
    fc.assert(
      fc.property(url, (raw) => {
        const [, href] = /^passes as (.*)$/.exec(verdict(raw)) ?? [];
        if (href === undefined) return;
        const authority = /^https:\/\/([^/?#]*)(?=[/?#]|$)/.exec(href)?.[1] ?? '';
        const isAllowed =
          authority === 'cdn.example.com' || /^[^.].*\.files\.example\.com$/.test(authority);
        assert.ok(isAllowed && !/[@:[\]\\]/.test(authority) && isIP(authority) === 0, href);
      }),
      trying(5000),
    );
  });

  test('an IPv4 address is public exactly where no registry says otherwise', () => {
    const forbidden = new BlockList();
    for (const [network, bits] of forbiddenIpv4) forbidden.addSubnet(network, bits);
    const address = fc.oneof(privateIpv4, fc.nat({ max: 2 ** 32 - 1 })).map(toDotted);
    fc.assert(
      fc.property(address, (text) => isPublicAddress(text) !== forbidden.check(text)),
      trying(3000),
    );
  });

  test('an IPv6 address is public exactly where no registry says otherwise', () => {
    const forbidden = new BlockList();
    for (const [network, bits] of forbiddenIpv6) forbidden.addSubnet(network, bits, 'ipv6');
    const ordinary = fc
      .ipV6()
      .filter((text) => !text.includes('.') && !/^(0*:)*:*(0*:)*ffff:/i.test(text));
    fc.assert(
      fc.property(
        fc.oneof(privateIpv6, ordinary),
        (text) => isPublicAddress(text) !== forbidden.check(text, 'ipv6'),
      ),
      trying(3000),
    );
  });

  test('an address that wraps a private one is never public, nor one with a zone', () => {
    fc.assert(
      fc.property(privateIpv4.chain(wrappedIpv4), (text) => {
        assert.ok(!isPublicAddress(text) && !isPublicAddress(`${text}%eth0`));
        assert.ok(!isPublicAddress('2606:4700::1111%eth0'));
      }),
      trying(2000),
    );
  });

  test('only the plain notation of an address is taken for one', () => {
    const odd = fc
      .nat({ max: 2 ** 32 - 1 })
      .chain((address) => oddIpv4(address).filter((text) => text !== toDotted(address)));
    fc.assert(
      fc.property(odd, (text) => !isPublicAddress(text)),
      trying(1000),
    );
  });
});
