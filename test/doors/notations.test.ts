import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { isPublicAddress } from '../../core/source-url.ts';
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
import { suffixes, verdict } from './verdict.ts';

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
