import * as z from 'zod';
import { sameText } from '../../core/same-text.ts';
import { bodyOf, headersOf, type UrlEvent } from '../function-url.ts';

/** Most tracks of one request: what an invocation can be expected to copy in its time. */
export const largestLimit = 200;

/** The body of the spec; it may be left out. */
export const ArchiveTracksRequest = z.object({
  trackId: z.guid().toLowerCase().optional(),
  limit: z.int().min(1).max(largestLimit).default(50),
});
export type ArchiveTracksRequest = z.output<typeof ArchiveTracksRequest>;

/** Reads the body; a string names what is wrong with it, never a value. */
export function parseRequest(event: UrlEvent): ArchiveTracksRequest | string {
  const text = bodyOf(event) ?? '';
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
export function shownKey(event: UrlEvent): string | undefined {
  const { authorization = '', apikey } = headersOf(event);
  return /^Bearer (.+)$/i.exec(authorization)?.[1] ?? (apikey || undefined);
}

/** Whether the caller has the service's own key: this door is not for the frontend. */
export const isService = (shown: string, key: string): boolean => sameText(shown, key);
