import * as z from 'zod';

/** Most tracks of one request: what an invocation can be expected to copy in its time. */
const largestLimit = 200;

/** The body of the spec; it may be left out. */
const ArchiveRequest = z.object({
  trackId: z.guid().toLowerCase().optional(),
  limit: z.int().min(1).max(largestLimit).default(50),
});
export type ArchiveRequest = z.output<typeof ArchiveRequest>;

/** Reads the body; a string names what is wrong with it, never a value. */
export function parseArchiveRequest(body: string): ArchiveRequest | string {
  let value: unknown = {};
  try {
    if (body.trim() !== '') value = JSON.parse(body);
  } catch {
    return 'The body is not JSON';
  }
  const request = ArchiveRequest.safeParse(value);
  if (request.success) return request.data;
  return request.error.issues
    .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
    .join('; ');
}
