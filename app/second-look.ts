import type { Tracks } from '../adapters/supabase/tracks.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import { secondLookDelay, secondLookRoom } from '../core/retry.ts';
import type { FailedTrack } from './archive-track.ts';

/**
 * Where the song is safe and only a cover or video was refused, releases the track until it is asked for once more, at
 * another time; the sweep sends it again. No dead letter: nothing is lost yet. False: it is another failure, or the
 * expiry leaves no room.
 */
export async function waitForSecondLook(
  { claim, failure, isAudioSafe }: FailedTrack,
  tracks: Pick<Tracks, 'release'>,
  telemetry: Telemetry,
  now: Date,
): Promise<boolean> {
  if (!isAudioSafe || failure.disposition !== 'ask-again') return false;
  const expiry =
    claim.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(claim.expires_at);
  const left = (expiry - now.getTime()) / 1000;
  if (left < secondLookRoom) return false;
  const seconds = secondLookDelay(left);
  if (await tracks.release(claim, failure, seconds)) {
    const { code, message: reason } = failure;
    telemetry.log.warn('Track waits for a second look', { code, reason, seconds });
    telemetry.count('TracksRetried');
  }
  return true;
}
