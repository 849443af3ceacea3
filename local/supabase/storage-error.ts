import { DatabaseError } from 'pg';
import { HttpError } from './http.ts';

/** The Storage server answers HTTP 400 to nearly everything and puts the status meant into the body. */
export function storageError(statusCode: number, error: string, message: string): HttpError {
  return new HttpError(400, { statusCode: String(statusCode), error, message });
}

export const objectNotFound = () => storageError(404, 'not_found', 'Object not found');
export const bucketNotFound = () => storageError(404, 'Bucket not found', 'Bucket not found');
export const duplicate = () => storageError(409, 'Duplicate', 'The resource already exists');

/** What the Storage server makes of an error of its database. */
export function fromDatabase(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  if (error.code === '23505') return duplicate();
  if (error.code === '42501') return storageError(403, 'Unauthorized', error.message);
  return error;
}
