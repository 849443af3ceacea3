import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';

/** A track as the app inserts it. */
export interface AppTrack {
  id: string;
  userId: string;
  title: string;
  provider: string | null;
  status: 'processing' | 'completed';
  audioUrl: string | null;
  coverUrl: string | null;
  videoUrl: string | null;
  /** Made so many days ago; today where absent. */
  daysOld?: number;
  /** As if pg_net had lost the webhook of its insertion. */
  webhookLost?: boolean;
}

/** The app that the archiver serves: it only ever speaks SQL, as its signed-in users, under their rights. */
export interface App {
  signUp(name: string): Promise<string>;
  insert(track: AppTrack): Promise<void>;
  /** The provider has finished: status and addresses are set. */
  complete(track: AppTrack): Promise<void>;
  remove(track: Pick<AppTrack, 'id' | 'userId'>): Promise<void>;
}

export function createApp(database: Pool): App {
  async function as<T>(userId: string, act: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await database.connect();
    try {
      await client.query('begin');
      await client.query('select set_config($1, $2, true)', [
        'request.jwt.claims',
        JSON.stringify({ sub: userId, role: 'authenticated' }),
      ]);
      await client.query('set local role authenticated');
      const result = await act(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  return {
    async signUp(name) {
      const id = randomUUID();
      await database.query('insert into auth.users (id, email) values ($1, $2)', [
        id,
        `${name}-${id.slice(0, 8)}@example.com`,
      ]);
      return id;
    },
    async insert(track) {
      await as(track.userId, async (client) => {
        if (track.webhookLost === true) {
          await client.query("select set_config('archiver.webhooks', '500', true)");
        }
        await client.query(
          `insert into public.tracks
             (id, user_id, title, prompt, provider, status, created_at,
              audio_url, cover_url, video_url)
           values ($1, $2, $3, 'a prompt', $4, $5, now() - $6 * interval '1 day', $7, $8, $9)`,
          [
            ...[track.id, track.userId, track.title, track.provider, track.status],
            track.daysOld ?? 0,
            ...(track.status === 'completed' ? addresses(track) : [null, null, null]),
          ],
        );
      });
    },
    async complete(track) {
      await as(track.userId, (client) =>
        client.query(
          `update public.tracks
           set status = 'completed', audio_url = $2, cover_url = $3, video_url = $4 where id = $1`,
          [track.id, ...addresses(track)],
        ),
      );
    },
    async remove(track) {
      await as(track.userId, (client) =>
        client.query('delete from public.tracks where id = $1', [track.id]),
      );
    },
  };
}

const addresses = (track: AppTrack) => [track.audioUrl, track.coverUrl, track.videoUrl];
