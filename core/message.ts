import * as z from 'zod';

/** Why a track is on the queue. */
export const reasons = ['schedule', 'sweep', 'manual', 'request'] as const;

export const ArchiveMessage = z.object({
  v: z.literal(1),
  trackId: z.guid().toLowerCase(),
  reason: z.enum(reasons),
});
export type ArchiveMessage = z.infer<typeof ArchiveMessage>;

/** The queue message asking for one track: `{"v":1,"trackId":"…","reason":"…"}`. */
export function archiveMessage(trackId: string, reason: ArchiveMessage['reason']): string {
  return JSON.stringify({ v: 1, trackId, reason } satisfies ArchiveMessage);
}

/** A message's body read back; undefined where it is not one of ours. */
export function parseArchiveMessage(body: string): ArchiveMessage | undefined {
  try {
    return ArchiveMessage.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}
