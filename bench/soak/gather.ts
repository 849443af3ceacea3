import { createHash } from 'node:crypto';
import { type AssetKind, buckets } from '../../core/assets.ts';
import { forEachBounded } from '../../core/for-each-bounded.ts';
import type { World } from './world.ts';

export interface JobRow {
  status: string;
  next_check_at: Date | null;
  error_code: string | null;
  original_audio_url: string | null;
  original_cover_url: string | null;
  original_video_url: string | null;
  metadata: { assets?: Record<string, { gone?: boolean; sha256?: string }> };
  updated_at: Date;
}

/** What the record says of one file. */
export interface FileRow {
  kind: AssetKind;
  copied_from: string | null;
  error_code: string | null;
  stored_at: Date | null;
}

export interface TrackRow {
  id: string;
  status: string;
  archived_to_storage: boolean;
  storage_audio_url: string | null;
  storage_cover_url: string | null;
  storage_video_url: string | null;
  archived_at: Date | null;
  /** Oldest first. */
  jobs: JobRow[];
  files: FileRow[];
  /** How often its owner heard that it is not saved. */
  notified: number;
  /** How often its owner heard that it is saved after all. */
  notifiedSaved: number;
}

/** How everything stands when it is over. */
export interface Gathered {
  tracks: Map<string, TrackRow>;
  /** sha256 in hexadecimal of each object, by `bucket/path`. */
  objects: Map<string, string>;
}

export async function gather(world: World): Promise<Gathered> {
  const { database } = world.stack;
  const { rows } = await database.query<Omit<TrackRow, 'jobs' | 'files'>>(
    `select t.*, heard.failed as notified, heard.saved as "notifiedSaved"
     from public.tracks as t
     cross join lateral (
       select count(*) filter (where n.type = 'warning')::integer as failed,
         count(*) filter (where n.type = 'success')::integer as saved
       from public.notifications as n where n.link = '/workspace/library?track=' || t.id
     ) as heard`,
  );
  const jobs = await database.query<JobRow & { track_id: string }>(
    'select * from public.track_archiving_jobs order by created_at, id',
  );
  const byTrack = Map.groupBy(jobs.rows, (job) => job.track_id);
  const files = await database.query<FileRow & { track_id: string }>(
    'select * from public.track_archiving_files',
  );
  const filesByTrack = Map.groupBy(files.rows, (file) => file.track_id);
  const tracks = rows.map((row) => {
    const own = { jobs: byTrack.get(row.id) ?? [], files: filesByTrack.get(row.id) ?? [] };
    return [row.id, { ...row, ...own }] as const;
  });
  return { tracks: new Map(tracks), objects: await hashObjects(world) };
}

/** Reads every object over HTTP, as a listener would. */
async function hashObjects({ stack, supabase }: World): Promise<Map<string, string>> {
  const { rows } = await stack.database.query<{ bucket_id: string; name: string }>(
    'select bucket_id, name from storage.objects where bucket_id = any ($1) order by 1, 2',
    [Object.values(buckets).map(({ id }) => id)],
  );
  const hashes = new Map<string, string>();
  await forEachBounded(rows, 8, async ({ bucket_id, name }) => {
    const path = `${bucket_id}/${name}`;
    const response = await fetch(`${supabase.gatewayUrl}/storage/v1/object/public/${path}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    hashes.set(path, response.ok ? hashOf(bytes) : `status ${response.status}`);
  });
  return hashes;
}

export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');
