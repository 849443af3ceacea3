import * as z from 'zod';

const Row = z.object({ id: z.guid().toLowerCase() });

/**
 * A Supabase database webhook `{type, table, schema, record, old_record}`. Only what is needed is
 * read: the webhook says which track, the database says what to do about it. Unknown keys are
 * allowed, Supabase adds some now and then.
 */
export const TrackWebhook = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('INSERT'),
    schema: z.string(),
    table: z.string(),
    record: Row,
  }),
  z.object({
    type: z.literal('UPDATE'),
    schema: z.string(),
    table: z.string(),
    record: Row,
  }),
  z.object({
    type: z.literal('DELETE'),
    schema: z.string(),
    table: z.string(),
    old_record: Row,
  }),
]);
export type TrackWebhook = z.infer<typeof TrackWebhook>;

export const webhookTrackId = (webhook: TrackWebhook): string =>
  webhook.type === 'DELETE' ? webhook.old_record.id : webhook.record.id;
