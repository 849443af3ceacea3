import type { AssetKind } from '../../core/assets.ts';
import { buckets } from '../../core/assets.ts';
import { claim, newTrack, newUser, worker } from '../migrations/app.ts';
import type { TestDatabase } from '../support/database.ts';

const extensions = { audio: 'mp3', cover: 'jpg', video: 'mp4' };

/** Where the archiver puts a file of a track. */
export const addressOf = (
  user: string,
  track: string,
  asset: AssetKind,
  extension = extensions[asset],
) =>
  `https://project.supabase.co/storage/v1/object/public/${buckets[asset].id}/${user}/${track}.${extension}`;

/** Copies what a claim names and completes it, as the archive Lambda does; resolves to what it answered. */
export async function archive(
  db: TestDatabase,
  user: string,
  track: string,
  { extension, bytes = 3 }: { extension?: string; bytes?: number } = {},
): Promise<string> {
  const claimed = await claim(db, track);
  if (claimed.outcome !== 'claimed') return claimed.outcome;
  const { store, complete } = worker(db, claimed);
  for (const asset of ['audio', 'cover', 'video'] as const) {
    if (claimed[`${asset}_url`] === null || claimed[`storage_${asset}_url`] !== null) continue;
    if (claimed.gone.includes(asset)) continue;
    await store(asset, addressOf(user, track, asset, extension ?? extensions[asset]), {
      bytes,
      sha256: 'ab',
    });
  }
  return complete();
}

/** A track whose three files were archived by a worker. */
export async function archivedTrack(db: TestDatabase, columns: Record<string, unknown> = {}) {
  const user = await newUser(db);
  const track = await newTrack(db, user, columns);
  await archive(db, user, track);
  return { user, track };
}

export const objects = (db: TestDatabase) => db.query('select * from get_removable_objects(100)');
