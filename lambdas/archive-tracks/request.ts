import type { LambdaFunctionURLEvent } from 'aws-lambda';
import * as z from 'zod';
import { sameText } from '../../core/same-text.ts';

/** Most tracks of one request: what an invocation can be expected to copy in its time. */
export const largestLimit = 200;

/** The body of the spec; it may be left out. */
export const ArchiveTracksRequest = z.object({
  trackId: z.guid().toLowerCase().optional(),
  limit: z.int().min(1).max(largestLimit).default(50),
});
export type ArchiveTracksRequest = z.output<typeof ArchiveTracksRequest>;

/** Reads the body; a string names what is wrong with it, never a value. */
export function parseRequest(event: LambdaFunctionURLEvent): ArchiveTracksRequest | string {
  const text = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8').toString();
  let value: unknown = {};
  try {
    if (text.trim() !== '') value = JSON.parse(text);
  } catch {
    return 'The body is not JSON';
  }
  const request = ArchiveTracksRequest.safeParse(value);
  if (request.success) return request.data;
  return request.error.issues
    .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
    .join('; ');
}

/** The key that the caller shows, as `Authorization: Bearer …` or `apikey`. */
export function shownKey(event: LambdaFunctionURLEvent): string | undefined {
  const headers = new Headers(
    Object.entries(event.headers).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  return (
    /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1] ??
    headers.get('apikey') ??
    undefined
  );
}

/** Whether the caller has the service's own key: this door is not for the frontend. */
export const isService = (shown: string, key: string): boolean => sameText(shown, key);
