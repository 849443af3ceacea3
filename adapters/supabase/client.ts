import { PostgrestClient } from '@supabase/postgrest-js';
import type { z } from 'zod';
import { ArchiveFailure } from '../../core/failure.ts';

/** Milliseconds that one database call may take. */
export const callTimeout = 10_000;

export interface SupabaseAccess {
  supabaseUrl: string;
  /** `sb_secret_…` or a legacy service_role JWT. */
  supabaseKey: string;
}

/**
 * The part of supabase-js that speaks to the database, under its own name: the whole brings sessions, sockets
 * and files along, which no Lambda of ours uses and each cold start pays for
 * (docs/decisions/0017-supabase-js-in-the-lambdas.md).
 */
export const createDatabaseClient = (
  access: SupabaseAccess,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): PostgrestClient =>
  new PostgrestClient(`${access.supabaseUrl.replace(/\/$/, '')}/rest/v1`, {
    headers: supabaseHeaders(access),
    fetch,
    // Its own retries would add to ours, without our budget of time.
    retry: false,
  });

/** How both kinds of key are given; a new one is taken as Bearer only because it is the same as `apikey`. */
export const supabaseHeaders = ({ supabaseKey }: SupabaseAccess) => ({
  apikey: supabaseKey,
  authorization: `Bearer ${supabaseKey}`,
  'user-agent': 'track-archiver',
});

/** The SQLSTATE of `store_track_asset` for an object that Storage has not, or not as it was sent. */
const notInStorage = 'TA001';

/**
 * Calls a database function and parses its result. What goes wrong is `storage_mismatch` where the database
 * says so, and otherwise `database_unavailable`: the call is refused, late, or returns something that `schema`
 * does not know.
 */
export async function callFunction<Schema extends z.ZodType>(
  client: PostgrestClient,
  name: string,
  parameters: Record<string, unknown>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { data, error } = await client
    .rpc(name, parameters)
    .abortSignal(AbortSignal.timeout(callTimeout));
  if (error !== null) throw databaseFailure(name, error);
  return parseResult(name, schema, data);
}

/**
 * PostgREST's or Postgres's code and message, as a failure. Of the details only why a connection failed:
 * Postgres puts the rows there that it refused.
 */
export function databaseFailure(
  call: string,
  error: { code: string; message: string; details: string | null },
): ArchiveFailure {
  const reason = /^Caused by: (.*)$/m.exec(error.details ?? '')?.[1];
  const words = [error.code, error.message, reason].filter(Boolean).join(' ');
  const failure = error.code === notInStorage ? 'storage_mismatch' : 'database_unavailable';
  return new ArchiveFailure(failure, `${call}: ${words}`, { cause: error });
}

export function parseResult<Schema extends z.ZodType>(
  call: string,
  schema: Schema,
  data: unknown,
): z.output<Schema> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  throw new ArchiveFailure('database_unavailable', `${call} returned something unknown`, {
    cause: result.error,
  });
}
