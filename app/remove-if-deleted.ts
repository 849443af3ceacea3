import type { ObjectPlace, Storage } from '../adapters/supabase/storage.ts';
import type { Tracks } from '../adapters/supabase/tracks.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import type { ClaimedTrack } from './archive-file.ts';

/** A track that was deleted while it was copied leaves nothing behind: no later delivery would know of its files. */
export async function removeIfDeleted(
  trackId: string,
  uploaded: readonly ObjectPlace[],
  adapters: {
    tracks: Pick<Tracks, 'exists'>;
    storage: Pick<Storage, 'remove'>;
    telemetry: Telemetry;
  },
  { runStep, signal }: Pick<ClaimedTrack, 'runStep' | 'signal'>,
): Promise<void> {
  const { tracks, storage, telemetry } = adapters;
  if (uploaded.length === 0 || (await runStep(() => tracks.exists(trackId)))) return;
  for (const place of uploaded) await runStep(() => storage.remove(place, signal));
  telemetry.log.info('Removed the files of a deleted track', { files: uploaded.length });
}
