import * as z from 'zod';
import { assetKinds } from '../../core/assets.ts';

/** PostgREST returns a function's table as an array; these functions return exactly one row. */
export const oneRow = <Row extends z.ZodType>(row: Row) =>
  z
    .array(row)
    .length(1)
    .transform((rows) => rows[0] as z.output<Row>);

/**
 * A timestamptz as PostgREST writes it. It stays text: Postgres counts microseconds, a Date does not,
 * and what goes back to the database must be the same instant.
 */
const timestamp = z.string().refine((value) => !Number.isNaN(Date.parse(value)), 'not a time');

export const PlanRow = oneRow(
  z.discriminatedUnion('action', [
    z.object({
      action: z.literal('schedule'),
      job_id: z.guid(),
      due_at: timestamp,
      expires_at: timestamp,
      scheduled_for: timestamp.nullable(),
      queued_at: timestamp.nullable(),
    }),
    z.object({ action: z.literal('cancel'), reason: z.string() }),
    z.object({ action: z.literal('ignore'), reason: z.string() }),
  ]),
);
/** What the database wants done about a track's schedule. */
export type Plan = z.output<typeof PlanRow>;

export const ClaimRow = oneRow(
  z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('claimed'),
      job_id: z.guid(),
      fencing_token: z.coerce.string(),
      attempt: z.number(),
      user_id: z.guid(),
      title: z.string().nullable(),
      provider: z.string().nullable(),
      expires_at: timestamp.nullable(),
      allowed_hosts: z.array(z.string()),
      user_agent: z.string().nullable(),
      audio_url: z.string().nullable(),
      cover_url: z.string().nullable(),
      video_url: z.string().nullable(),
      storage_audio_url: z.string().nullable(),
      storage_cover_url: z.string().nullable(),
      storage_video_url: z.string().nullable(),
      gone: z.array(z.enum(assetKinds)).nullable(),
      /** What the app says how long the track is. */
      duration_seconds: z.number().nullable(),
      /** How long the stored copies are that new sources would replace. */
      stored_seconds: z.partialRecord(z.enum(assetKinds), z.number()),
      /** Refused an hour ago or longer, or about to expire: another no is final. */
      asked_before: z.array(z.enum(assetKinds)),
    }),
    z.object({ outcome: z.literal('busy') }),
    z.object({ outcome: z.literal('already_archived') }),
    z.object({ outcome: z.literal('not_completed') }),
    z.object({ outcome: z.literal('not_found') }),
    z.object({ outcome: z.literal('owner_missing') }),
  ]),
);
/** The result of a claim; with `claimed` the track is this worker's until the lease ends. */
export type ClaimResult = z.output<typeof ClaimRow>;
export type Claim = Extract<ClaimResult, { outcome: 'claimed' }>;

export const CompletionResult = z.enum(['completed', 'lease_lost', 'superseded', 'not_stored']);
export type Completion = z.output<typeof CompletionResult>;

export const Worklist = z.array(z.object({ track_id: z.guid(), title: z.string().nullable() }));
export type WorklistEntry = z.output<typeof Worklist>[number];

export const StalledTracks = z.array(
  z.object({
    track_id: z.guid(),
    expires_at: timestamp,
    action: z.enum(['dispatch', 'schedule', 'close', 'archive']),
    cause: z.string(),
  }),
);
/** A track that showed no progress in time, and what to do about it. */
export type StalledTrack = z.output<typeof StalledTracks>[number];

export const Backlog = oneRow(
  z.object({
    overdue: z.number(),
    near_expiry: z.number(),
    files_lost: z.number(),
    leftovers: z.number(),
  }),
);
export const Adopted = z.object({ looked: z.number(), opened: z.number(), lost: z.number() });
export const Audited = z.object({ looked: z.number(), lost: z.number() });
export const RemovableObjects = z.array(
  z
    .object({ bucket_id: z.string(), object_name: z.string() })
    .transform(({ bucket_id: bucket, object_name: path }) => ({ bucket, path })),
);
