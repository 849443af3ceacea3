import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { createSupabaseDatabase } from '../../local/postgres/database.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { allowHost } from '../../local/stack/database.ts';
import { startSupabase } from '../../local/stack/supabase.ts';
import { until } from '../support/until.ts';

export interface TestTrack {
  id: string;
  userId: string;
  dueAt: Date;
}

/** An empty Supabase project on this machine, and an app that uses it. */
export interface Project {
  url: string;
  databaseUrl: string;
  secretKey: string;
  database: pg.Pool;
  allow(provider: string, host: string): Promise<void>;
  /** `dueInSeconds`: for a provider that is archived after 13 days. */
  insertTrack(provider: string, audioUrl: string, dueInSeconds?: number): Promise<TestTrack>;
  /** Resolves to the address of its audio in Storage. */
  archived(track: TestTrack, timeout: number): Promise<string>;
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
  const running = started.move();
  return {
    url: supabase.url,
    databaseUrl,
    secretKey: supabase.secretKey,
    database,
    allow: (provider, host) => allowHost(database, provider, host),
    async insertTrack(provider, audioUrl, dueInSeconds) {
      const userId = randomUUID();
      await database.query('insert into auth.users (id) values ($1)', [userId]);
      const { rows } = await database.query(
        `insert into public.tracks (user_id, title, prompt, status, provider, audio_url, created_at)
         values ($1, 'A song', 'a sine', 'completed', $2, $3,
           now() - case when $4::int is null then interval '0' else interval '13 days' - $4::int * interval '1 second' end)
         returning id, archive_scheduled_at`,
        [userId, provider, audioUrl, dueInSeconds ?? null],
      );
      return { id: rows[0].id, userId, dueAt: rows[0].archive_scheduled_at };
    },
    archived: ({ id }, timeout) =>
      until<string>(
        async () => {
          const { rows } = await database.query(
            'select archived_to_storage, storage_audio_url from public.tracks where id = $1',
            [id],
          );
          return rows[0].archived_to_storage ? rows[0].storage_audio_url : '';
        },
        { timeout, interval: 200, what: `the archiving of track ${id}` },
      ),
    stop: () => running.disposeAsync(),
  };
}
