import type { ArchiveQueue } from '../adapters/queue.ts';
import type { StalledTrack } from '../adapters/supabase/rows.ts';
import type { StalledTrackList } from '../adapters/supabase/stalled-tracks.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { archiveMessage } from '../core/message.ts';
import { maxReceiveCount } from '../core/timings.ts';

export interface CloseDependencies {
  stalled: StalledTrackList;
  queue: Pick<ArchiveQueue, 'sendToDeadLetterQueue'>;
  telemetry: Telemetry;
}

/** Fails a track for good that expired, or whose workers crash over and over. */
export async function closeTrack(
  { track_id: trackId, cause, expires_at: expiresAt }: StalledTrack,
  { stalled, queue, telemetry }: CloseDependencies,
): Promise<'expired' | 'abandoned' | 'ignored'> {
  const failure =
    cause === 'workers_died'
      ? new ArchiveFailure('worker_crashed', `Its workers crashed ${maxReceiveCount} times`)
      : new ArchiveFailure('expired', `Its deadline was ${expiresAt}`);
  let closing = await stalled.close(trackId, failure, false);
  if (closing === 'ignored') return 'ignored';
  const { code, message: reason } = failure;
  telemetry.log.error('Track failed', { code, reason, closing });
  // One that had failed before lies in the dead-letter queue already.
  if (closing === 'closed') {
    await queue.sendToDeadLetterQueue(archiveMessage(trackId, 'sweep'), { code, reason, trackId });
    telemetry.count('TracksFailed');
    closing = await stalled.close(trackId, failure, true);
  }
  return closing === 'expired' ? 'expired' : 'abandoned';
}
