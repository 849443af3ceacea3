import pg from 'pg';
import { type AssetKind, buckets } from '../../../core/assets.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { newUser } from '../app.ts';

/** Two connections at a time, so that two transactions can overlap; each statement commits unless told otherwise. */
export interface Lane {
  service: pg.Client;
  user: pg.Client;
}

export interface World {
  database: TestDatabase;
  lanes: [Lane, Lane];
  userId: string;
  /** Whether one of the lane's connections waits for a lock. */
  waits(lane: Lane): Promise<boolean>;
  setClock(time: number): Promise<void>;
}

export interface TrackRow {
  id: string;
  status: string;
  audio_url: string | null;
  cover_url: string | null;
  video_url: string | null;
  archived_to_storage: boolean;
  storage_audio_url: string | null;
  storage_cover_url: string | null;
  storage_video_url: string | null;
  archive_scheduled_at: string | null;
  archived_at: string | null;
  user_id: string;
}

export interface JobRow extends Omit<TrackRow, 'audio_url' | 'cover_url' | 'video_url'> {
  track_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed';
  fencing_token: number | null;
  lease_expires_at: string | null;
  error_code: string | null;
  next_check_at: string | null;
  is_latest: boolean;
  renews: boolean;
  told_at: string | null;
  started_at: string | null;
  attempt: number;
  original_audio_url: string | null;
  original_cover_url: string | null;
  original_video_url: string | null;
  metadata: { manual?: boolean; assets?: Record<string, { gone?: boolean }> };
}

export interface FileRow {
  kind: AssetKind;
  source_url: string | null;
  copied_from: string | null;
  storage_url: string | null;
  error_code: string | null;
}

/** All that the database knows of a track; jobs oldest first. */
export interface Snapshot {
  track: TrackRow | null;
  jobs: JobRow[];
  files: FileRow[];
}

/** The archiver's clock stands still between two steps, so that a history gives the same rows every time. */
const standingClock = `
  create table archiver.standing_clock (at timestamptz not null);
  insert into archiver.standing_clock values (now());
  update public.track_archiving_settings set installed_at = '2026-01-01';
  grant select on archiver.standing_clock to service_role;
  create or replace function archiver.clock() returns timestamptz
  language sql stable set search_path = pg_catalog, pg_temp as $$ select at from archiver.standing_clock $$`;

export async function startWorld(t: Cleanup): Promise<World> {
  const database = await testDatabase(t);
  const userId = await newUser(database);
  await database.query(standingClock);
  const clients: pg.Client[] = [];
  const connect = async (role: string): Promise<pg.Client> => {
    const client = new pg.Client(database.apiUrl);
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    const claims = JSON.stringify({ sub: userId, role });
    await client.query(`set role ${role}`);
    await client.query("select set_config('request.jwt.claims', $1, false)", [claims]);
    return client;
  };
  const lane = async (): Promise<Lane> => ({
    service: await connect('service_role'),
    user: await connect('authenticated'),
  });
  const lanes: [Lane, Lane] = [await lane(), await lane()];
  const pids = new Map<pg.Client, number>();
  for (const client of clients) {
    pids.set(client, (await client.query('select pg_backend_pid() as pid')).rows[0].pid);
  }
  t.onTestFinished(() => Promise.all(clients.map((client) => client.end())));
  return {
    database,
    lanes,
    userId,
    async waits({ service, user }) {
      const rows = await database.query(
        "select from pg_stat_activity where pid = any($1) and wait_event_type = 'Lock'",
        [[pids.get(service), pids.get(user)]],
      );
      return rows.length > 0;
    },
    async setClock(time) {
      await database.query('update archiver.standing_clock set at = $1', [new Date(time)]);
    },
  };
}

export async function insertTrack(
  { userId }: World,
  { user }: Lane,
  id: string,
  content: number,
): Promise<void> {
  await user.query(
    `insert into public.tracks (id, user_id, title, status, provider, created_at, audio_url, cover_url)
     values ($1, $2, 'song', 'completed', 'suno', '2026-01-01', $3, $4)`,
    [id, userId, address('audio', content), address('cover', content)],
  );
}

export async function look({ database }: World, trackId: string): Promise<Snapshot> {
  const [row] = await database.query(
    `select
       (select to_jsonb(t) from public.tracks as t where t.id = $1) as track,
       coalesce((select jsonb_agg(to_jsonb(j) order by j.created_at, j.id)
         from public.track_archiving_jobs as j where j.track_id = $1), '[]') as jobs,
       coalesce((select jsonb_agg(to_jsonb(f) order by f.kind)
         from public.track_archiving_files as f where f.track_id = $1), '[]') as files`,
    [trackId],
  );
  return row;
}

/** A provider's address; its last part names the content. */
export const address = (asset: string, content: number): string =>
  `https://cdn1.suno.ai/${asset}/${content}`;
/** Where the copy of a source goes; ends in the same name, so that a copy tells whose it is. */
export const copyOf = (asset: AssetKind, source: string): string =>
  `https://project.supabase.co/storage/v1/object/public/${buckets[asset].id}/${contentOf(source)}`;
export const contentOf = (url: string): string => url.trim().split('/').at(-1)?.split('?')[0] ?? '';
