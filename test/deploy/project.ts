import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { createSupabaseDatabase } from '../../local/postgres/database.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { allowHost } from '../../local/stack/database.ts';
import { startSupabase } from '../../local/stack/supabase.ts';
import { waitFor } from './wait.ts';

export interface TestTrack {
  id: string;
  userId: string;
  dueAt: Date;
}

interface TrackOptions {
  /** For a provider that is archived after 13 days; by default it is due in 13 days. */
  dueInSeconds?: number;
  /** False: its webhook is lost. */
  hasWebhook?: boolean;
}

/** An empty Supabase project on this machine, and an app that uses it. */
export interface Project {
  url: string;
  databaseUrl: string;
  secretKey: string;
  database: pg.Pool;
  allow(provider: string, host: string): Promise<void>;
  insertTrack(provider: string, audioUrl: string, options?: TrackOptions): Promise<TestTrack>;
  /**
   * Resolves to the address of its audio in Storage; rejects at once where a webhook has failed, or its job
   * (`since` then).
   */
  archived(track: TestTrack, options: { timeout: number; since?: Date }): Promise<string>;
  /** The first webhook that did not get 200, in words. */
  failedWebhook(): Promise<string | undefined>;
  stop(): Promise<void>;
}

export async function startProject(directory: string): Promise<Project> {
  await using started = new AsyncDisposableStack();
  const postgres = await startPostgres();
  started.defer(postgres.stop);
  const name = 'deployed';
  const databaseUrl = await createSupabaseDatabase(postgres, name);
  const supabase = await startSupabase(join(directory, 'storage'), {
    url: databaseUrl,
    adminUrl: postgres.url(name),
    apiUrl: postgres.url(name, 'authenticator'),
  });
  started.defer(supabase.stop);
  const database = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  database.on('error', () => {});
  started.defer(() => database.end());
  const failedWebhook = async () => {
    const { rows } = await database.query(
      `select concat_ws(' ', 'a webhook got', status_code, content, error_msg) as text
       from net._http_response where status_code is distinct from 200 limit 1`,
    );
    return rows[0]?.text as string | undefined;
  };
  const failure = async ({ id }: TestTrack, since: Date) => {
    const { rows } = await database.query(
      `select 'its job failed: ' || error_code || ': ' || error_message as text
       from (select * from public.track_archiving_jobs where track_id = $1 order by created_at desc limit 1) as latest
       where status = 'failed' and updated_at > $2`,
      [id, since],
    );
    return rows[0]?.text as string | undefined;
  };
  const running = started.move();
  return {
    url: supabase.url,
    databaseUrl,
    secretKey: supabase.secretKey,
    database,
    allow: (provider, host) => allowHost(database, provider, host),
    async insertTrack(provider, audioUrl, { dueInSeconds, hasWebhook = true } = {}) {
      const userId = randomUUID();
      await database.query('insert into auth.users (id) values ($1)', [userId]);
      const client = await database.connect();
      try {
        await client.query('begin');
        if (!hasWebhook) await client.query("select set_config('archiver.webhooks', '500', true)");
        const { rows } = await client.query(
          `insert into public.tracks (user_id, title, prompt, status, provider, audio_url, created_at)
           values ($1, 'A song', 'a sine', 'completed', $2, $3,
             now() - case when $4::int is null then interval '0' else interval '13 days' - $4::int * interval '1 second' end)
           returning id, archive_scheduled_at`,
          [userId, provider, audioUrl, dueInSeconds ?? null],
        );
        if (!hasWebhook) {
          await client.query(
            'update public.track_archiving_jobs set next_check_at = now() where track_id = $1',
            [rows[0].id],
          );
        }
        await client.query('commit');
        return { id: rows[0].id, userId, dueAt: rows[0].archive_scheduled_at };
      } finally {
        client.release();
      }
    },
    failedWebhook,
    archived: (track, { timeout, since = new Date(0) }) =>
      waitFor({
        what: `the archiving of track ${track.id}`,
        timeout,
        async holds() {
          const { rows } = await database.query(
            'select storage_audio_url from public.tracks where id = $1 and archived_to_storage',
            [track.id],
          );
          return rows[0]?.storage_audio_url as string | undefined;
        },
        isVain: async () => (await failure(track, since)) ?? (await failedWebhook()),
      }),
    stop: () => running.disposeAsync(),
  };
}
