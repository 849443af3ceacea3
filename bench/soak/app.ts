import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { assetKinds } from '../../core/assets.ts';
import type { PlannedTrack, Sources } from './tracks.ts';

/** The app and its users. Their statements are repeated where the database went away, as apps do. */
export interface App {
  signUp(userIds: readonly string[]): Promise<void>;
  make(track: PlannedTrack, createdAt: Date, expiry: Date | undefined): Promise<void>;
  complete(track: PlannedTrack): Promise<unknown>;
  change(track: PlannedTrack, sources: Sources): Promise<unknown>;
  request(track: PlannedTrack): Promise<unknown>;
  remove(track: PlannedTrack): Promise<void>;
  /** Tracks that were archived when their users deleted them: the app knew of their files. */
  removedArchived: Set<string>;
}

const addresses = (sources: Sources): (string | null)[] =>
  assetKinds.map((kind) => {
    const asset = sources[kind];
    return asset === null || typeof asset === 'string' ? asset : asset.url;
  });

/** Of row level security, and of a connection or a server that went away. */
const refused = '42501';
const passing = /^(08|53|57)/;

export function createApp(database: pg.Pool): App {
  const removedArchived = new Set<string>();

  async function as(userId: string, text: string, values: unknown[]): Promise<unknown[]> {
    const claims = JSON.stringify({ sub: userId, role: 'authenticated' });
    const client = await database.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin');
      await client.query(
        "select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)",
        [claims],
      );
      const { rows } = await client.query(text, values);
      await client.query('commit');
      return rows;
    } catch (error) {
      await client.query('rollback').catch((cause: Error) => {
        broken = cause;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  return {
    async signUp(userIds) {
      await database.query('insert into auth.users (id) select unnest($1::uuid[])', [userIds]);
    },
    async make(track, createdAt, expiry) {
      const { id, userId, title, lifetime, completedAt, madeAt, sources } = track;
      const status = completedAt === madeAt ? 'completed' : 'processing';
      const [first] = sources;
      if (first === undefined) throw new Error(`${title} has no sources`);
      const metadata = expiry === undefined ? {} : { expires_at: expiry.toISOString() };
      await insist(() =>
        as(
          userId,
          `insert into public.tracks (id, user_id, title, provider, status, created_at, metadata,
             audio_url, cover_url, video_url)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing`,
          [id, userId, title, lifetime, status, createdAt, metadata, ...addresses(first)],
        ),
      );
    },
    complete: ({ id, userId }) =>
      insist(() => as(userId, "update public.tracks set status = 'completed' where id = $1", [id])),
    change: ({ id, userId }, sources) =>
      insist(() =>
        as(
          userId,
          'update public.tracks set audio_url = $2, cover_url = $3, video_url = $4 where id = $1',
          [id, ...addresses(sources)],
        ),
      ),
    request: ({ id, userId }) =>
      insist(() =>
        as(userId, 'insert into public.track_archiving_jobs (track_id, user_id) values ($1, $2)', [
          id,
          userId,
        ]).catch((error) => {
          // Archived already or deleted, in a worker's hands, or asked for a moment ago.
          if (error?.code !== refused && error?.code !== 'P0001') throw error;
        }),
      ),
    remove: ({ id, userId }) =>
      insist(async () => {
        const text =
          'delete from public.tracks where id = $1 and archived_to_storage returning true';
        if ((await as(userId, text, [id])).length > 0) removedArchived.add(id);
        else await as(userId, 'delete from public.tracks where id = $1', [id]);
      }),
    removedArchived,
  };
}

/** Repeats what a database that went away did not do, or did without saying so. */
export async function insist<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const isPassing =
        passing.test(code) ||
        /^ECONN|^EPIPE/.test(code) ||
        (error instanceof Error && /terminated|Connection/.test(error.message));
      if (!isPassing || tries === 1000) throw error;
      await wait(50);
    }
  }
}
