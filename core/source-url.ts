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
    return wildcard ? host.endsWith(`.${expected}`) : host === expected;
  });
}

/** A host as the URL parser writes it (lower case, punycode); undefined where it is none. */
const canonicalHost = (host: string): string | undefined =>
  URL.parse(`https://${host}/`)?.hostname || undefined;

/**
 * Whether an address is on the public internet. Everything with a special meaning is not: loopback,
 * private, link-local (the cloud's metadata services), multicast, documentation, carrier-grade NAT,
 * and the IPv6 forms that wrap an IPv4 address, except the mapped form, which is judged by what it wraps.
 */
export const isPublicAddress = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

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
  if (ipaddr.isValid(literal) && !isPublicAddress(literal)) {
    throw new ArchiveFailure('address_not_public', `The address is not public: ${shown}`);
  }
  if (ipaddr.isValid(literal) || !hostMatches(url.hostname, allowedHosts)) {
    throw new ArchiveFailure('host_not_allowed', `The policy does not allow this host: ${shown}`);
  }
  url.hash = '';
  return url;
}
