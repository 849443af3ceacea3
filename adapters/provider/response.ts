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
  const code = statusCode(status);
  if (code === undefined) return undefined;
  return new ArchiveFailure(code, `The provider answered ${status} for ${redactUrl(url)}`, {
    retryAfter: parseRetryAfter(header(headers, 'retry-after'), now),
  });
}

function statusCode(status: number): FailureCode | undefined {
  if (status === 200 || status === 203) return undefined;
  if (status === 204 || status === 205) return 'provider_empty';
  // 441: what dead sunoapi.org addresses have answered.
  if ([401, 403, 404, 410, 441].includes(status)) return 'provider_gone';
  if ([408, 425, 429].includes(status)) return 'provider_throttled';
  if (status >= 500) return 'provider_unavailable';
  return 'provider_refused';
}
