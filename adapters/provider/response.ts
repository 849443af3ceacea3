import { ArchiveFailure, type FailureCode } from '../../core/failure.ts';
import { parseRetryAfter } from '../../core/retry.ts';
import { redactUrl } from '../../core/source-url.ts';

/** Response headers as undici gives them: lower-case names. */
export type Headers = Record<string, string | string[] | undefined>;

export const header = (headers: Headers, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** The body's length as announced; undefined where it is missing or no plain number. */
export function announcedLength(headers: Headers): number | undefined {
  const value = header(headers, 'content-length');
  if (value === undefined || !/^\d{1,15}$/.test(value)) return undefined;
  return Number(value);
}

/**
 * Bytes of the whole file where a 206 that nobody asked for has all of it, `bytes 0-9/10`; undefined for a part, and
 * where it does not say so.
 */
export function coveredLength(headers: Headers): number | undefined {
  const range = /^\s*bytes[\s=]+0\s*-\s*(\d{1,15})\s*\/\s*(\d{1,15})\s*$/i;
  const [, last, total] = range.exec(header(headers, 'content-range') ?? '') ?? [];
  if (total === undefined || Number(last) + 1 !== Number(total)) return undefined;
  const announced = announcedLength(headers);
  return announced === undefined || announced === Number(total) ? Number(total) : undefined;
}

/** A Location may be written in raw UTF-8, which the parser reads as Latin-1. */
export function locationOf(headers: Headers): string | undefined {
  const location = header(headers, 'location');
  if (location === undefined || !/^[\0-\xff]*[\x80-\xff][\0-\xff]*$/.test(location))
    return location;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(location, 'latin1'));
  } catch {
    return location;
  }
}

/** Cloudflare's and AWS WAF's pages that ask whether a person is there; they come with any status. */
const isChallenge = (headers: Headers): boolean =>
  header(headers, 'cf-mitigated') === 'challenge' ||
  header(headers, 'x-amzn-waf-action') !== undefined;

export const isChunked = (headers: Headers): boolean =>
  /(^|,)\s*chunked\s*$/i.test(header(headers, 'transfer-encoding') ?? '');

export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

/** The failure that a final status means, or undefined for a body that may be read. */
export function statusFailure(
  status: number,
  headers: Headers,
  url: URL,
  now: Date,
): ArchiveFailure | undefined {
  const challenged = isChallenge(headers);
  const code = challenged ? 'provider_refused' : statusCode(status, headers);
  if (code === undefined) return undefined;
  const how = challenged ? ' with a challenge' : '';
  return new ArchiveFailure(code, `The provider answered ${status}${how} for ${redactUrl(url)}`, {
    retryAfter: parseRetryAfter(header(headers, 'retry-after'), now),
    isFinal: !challenged && (status === 410 || status === 441),
  });
}

function statusCode(status: number, headers: Headers): FailureCode | undefined {
  if (status === 200 || status === 203) return undefined;
  if (status === 206 && coveredLength(headers) !== undefined) return undefined;
  if (status === 204 || status === 205) return 'provider_empty';
  // 441: what dead sunoapi.org addresses have answered.
  if ([401, 403, 404, 410, 441].includes(status)) return 'provider_gone';
  if ([408, 425, 429].includes(status)) return 'provider_throttled';
  if (status >= 500) return 'provider_unavailable';
  return 'provider_refused';
}
