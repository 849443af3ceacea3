import { DatabaseError } from 'pg';
import { HttpError } from './http.ts';

/**
 * The Storage server answers HTTP 400 to nearly everything and puts the status meant into the body, with the
 * code that supabase-js reads since 2.119. Where `error` is an older word than the code, it is kept beside it
 * (supabase/storage, src/internal/errors/codes.ts).
 */
export function storageError(
  statusCode: number,
  code: string,
  message: string,
  error: string = code,
): HttpError {
  return new HttpError(400, { statusCode: String(statusCode), code, error, message });
}

export const objectNotFound = () => storageError(404, 'NoSuchKey', 'Object not found', 'not_found');
export const bucketNotFound = () =>
  storageError(404, 'NoSuchBucket', 'Bucket not found', 'Bucket not found');
export const duplicate = () =>
  storageError(409, 'ResourceAlreadyExists', 'The resource already exists', 'Duplicate');

/** What the Storage server makes of an error of its database. */
export function fromDatabase(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  if (error.code === '23505') return duplicate();
  if (error.code === '42501')
    return storageError(403, 'AccessDenied', error.message, 'Unauthorized');
  return error;
}
