import type { ArchiveQueue } from '../adapters/queue.ts';
import type { Telemetry } from '../adapters/telemetry.ts';
import type { ArchiveFailure } from '../core/failure.ts';

export interface FailDependencies {
  queue: Pick<ArchiveQueue, 'sendToDeadLetterQueue'>;
  telemetry: Telemetry;
}

/**
 * The one way to fail a track: the dead letter first, then the job, by `record`. A crash between the two brings a second
 * dead letter, never none. False: the job was not this caller's to fail.
 */
export async function failTrack(
  { trackId, body }: { trackId: string; body: string },
  failure: ArchiveFailure,
  record: () => Promise<boolean>,
  { queue, telemetry }: FailDependencies,
): Promise<boolean> {
  const { code, message: reason } = failure;
  await queue.sendToDeadLetterQueue(body, { code, reason, trackId });
  const isRecorded = await record();
  if (isRecorded) {
    telemetry.log.error('Track failed', { code, reason });
    telemetry.count('TracksFailed');
  }
  return isRecorded;
}
