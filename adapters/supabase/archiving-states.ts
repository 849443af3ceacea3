import type { PostgrestClient } from '@supabase/postgrest-js';
import * as z from 'zod';
import { callFunction } from './client.ts';

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const ArchivingState = z
  .object({
    track_id: z.guid(),
    found: z.boolean(),
    title: z.string().nullable(),
    status: z.string().nullable(),
    archived_to_storage: z.boolean(),
    archived_at: moment.nullable(),
    expires_at: moment.nullable(),
    job_status: z.enum(['pending', 'processing', 'completed', 'failed']).nullable(),
    error_code: z.string().nullable(),
    error_message: z.string().nullable(),
    job_updated_at: moment.nullable(),
    job_created_at: moment.nullable(),
    /** It copies a new source of an archived track. */
    job_renews: z.boolean().nullable(),
    /** The database's time of the query. */
    checked_at: moment,
  })
  .readonly();
/** What the database knows of a track; with `found` false all but `checked_at` is empty. */
export type ArchivingState = z.output<typeof ArchivingState>;

/** PostgREST returns a thousand rows at most, by Supabase's setting. */
const mostAtOnce = 200;

/** By track id; one for each that is asked for. Throws `database_unavailable`. */
export async function readArchivingStates(
  client: PostgrestClient,
  trackIds: readonly string[],
): Promise<Map<string, ArchivingState>> {
  const states = new Map<string, ArchivingState>();
  for (let start = 0; start < trackIds.length; start += mostAtOnce) {
    const ids = trackIds.slice(start, start + mostAtOnce);
    const rows = await callFunction(
      client,
      'get_archiving_states',
      { _track_ids: ids },
      z.array(ArchivingState),
    );
    for (const row of rows) states.set(row.track_id, row);
  }
  return states;
}
