import ipaddr from 'ipaddr.js';
import { ArchiveFailure } from './failure.ts';

/**
 * A provider's address without its query and credentials, for logs and messages: signed URLs carry
 * their secret there. What is no URL is not repeated at all.
 */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url;
  if (parsed === null) return '(not a URL)';
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** Whether `host` is one of `patterns`: an exact host, or `*.suffix` for every host below the suffix. */
export function hostMatches(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const wildcard = pattern.startsWith('*.');
    const expected = canonicalHost(wildcard ? pattern.slice(2) : pattern);
    if (expected === undefined) return false;
    if (!wildcard) return host === expected;
    return host.endsWith(`.${expected}`) && !host.startsWith('.');
  });
}

/** A host as the URL parser writes it (lower case, punycode); undefined where it is none. */
const canonicalHost = (host: string): string | undefined =>
  URL.parse(`https://${host}/`)?.hostname || undefined;

/** Of all IPv6 only this is given out for the public internet (IANA, IPv6 address space). */
const globalIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address, as DNS and sockets write it, is on the public internet. Everything with a special
 * meaning is not: loopback, private, link-local (the cloud's metadata services), multicast,
 * documentation, carrier-grade NAT, an address with a zone, and the IPv6 forms that wrap an IPv4
 * address, except the mapped form, which is taken for what it wraps. Any other notation is not public:
 * `010.0.0.1` is 8.0.0.1 to one reader and 10.0.0.1 to another.
 */
export function isPublicAddress(address: string): boolean {
  const dotted = address.replace(/^::ffff:(?=[\d.]+$)/i, '');
  if (ipaddr.IPv4.isValidFourPartDecimal(dotted)) return isOrdinary(ipaddr.IPv4.parse(dotted));
  // ipaddr.js takes `::8.8.8.8`, which is no address of today, for the mapped `::ffff:8.8.8.8`.
  if (/[.%]/.test(address) || !ipaddr.IPv6.isValid(address)) return false;
  const ipv6 = ipaddr.IPv6.parse(address);
  if (ipv6.isIPv4MappedAddress()) return isOrdinary(ipv6.toIPv4Address());
  return ipv6.match(globalIpv6) && isOrdinary(ipv6);
}

const isOrdinary = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean => address.range() === 'unicast';

/**
 * Parses an address that the archiver is about to fetch, or throws: `url_invalid`, `host_not_allowed`
 * or, for a literal address that is not public, `address_not_public`. Literal addresses are refused
 * whatever the policy says; the URL parser has already turned `0x7f.1` and the like into plain ones.
 */
export function parseSourceUrl(raw: string, allowedHosts: readonly string[]): URL {
  const url = URL.parse(raw);
  if (url === null) throw new ArchiveFailure('url_invalid', 'The address is not a URL');
  const shown = redactUrl(url);
  if (url.protocol !== 'https:') {
    throw new ArchiveFailure('url_invalid', `The address is not https: ${shown}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ArchiveFailure('url_invalid', `The address carries credentials: ${shown}`);
  }
  if (url.port !== '')
    throw new ArchiveFailure('url_invalid', `The address names a port: ${shown}`);
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isLiteral = /^\d+(\.\d+){3}$/.test(literal) || literal.includes(':');
  if (isLiteral && !isPublicAddress(literal)) {
    throw new ArchiveFailure('address_not_public', `The address is not public: ${shown}`);
  }
  if (isLiteral || !hostMatches(url.hostname, allowedHosts)) {
    throw new ArchiveFailure('host_not_allowed', `The policy does not allow this host: ${shown}`);
  }
  url.hash = '';
  return url;
}
