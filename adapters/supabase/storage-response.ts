import * as z from 'zod';
import { ArchiveFailure, type FailureCode } from '../../core/failure.ts';
import { parseRetryAfter } from '../../core/retry.ts';

const Rejection = z.object({
  statusCode: z.coerce.number().int().optional(),
  error: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});

export interface StorageResponse {
  /** The status that is meant: Storage answers 400 for much and puts the true status in the body. */
  status: number;
  body: unknown;
  retryAfter: number | undefined;
}

export function storageResponse(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  text: string,
  now: Date,
): StorageResponse {
  const body = parseJson(text);
  const meant = status === 400 ? Rejection.safeParse(body).data?.statusCode : undefined;
  const retryAfter = headers['retry-after'];
  return {
    status: meant ?? status,
    body,
    retryAfter: typeof retryAfter === 'string' ? parseRetryAfter(retryAfter, now) : undefined,
  };
}

export function throwUnlessDone(response: StorageResponse): void {
  if (response.status >= 200 && response.status < 300) return;
  const { error, code, message } = Rejection.safeParse(response.body).data ?? {};
  const said = [error ?? code, message].filter((part) => part !== undefined).join(': ');
  throw new ArchiveFailure(
    isKeyRefused(response.status, said) ? 'storage_unauthorized' : rejectionCode(response.status),
    `Storage answered ${response.status} ${said}`.trim(),
    { retryAfter: response.retryAfter },
  );
}

/**
 * Storage answers 400 to a key that it cannot read, with `InvalidJWT` (storage-api, src/internal/errors/codes.ts) or
 * jose's own words, such as `Invalid Compact JWS`; its gateway says `JWT expired`.
 */
const isKeyRefused = (status: number, said: string): boolean =>
  status === 400 &&
  /\b(jws|jwt|jwk|invalidjwt|invalid signature|signature verification)\b/i.test(said);

function rejectionCode(status: number): FailureCode {
  if (status === 401 || status === 403) return 'storage_unauthorized';
  if (status === 413) return 'too_large';
  // 402: over quota. 409, 423: another upload to the same path holds its lock; ours may replace.
  if ([402, 408, 409, 423, 425, 429].includes(status) || status >= 500)
    return 'storage_unavailable';
  return 'storage_rejected';
}

/** An error of the connection to Storage; an ArchiveFailure, such as the body's own, stays what it is. */
export function transportFailure(error: unknown): ArchiveFailure {
  if (error instanceof ArchiveFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ArchiveFailure('storage_unavailable', `Storage: ${message}`, { cause: error });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
