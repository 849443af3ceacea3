import type { ArchiveQueue, SendTrack } from '../adapters/queue.ts';
import type { WorklistEntry } from '../adapters/supabase/rows.ts';
import { withLogFields } from '../adapters/telemetry.ts';
import { classify } from '../core/failure.ts';
import { forEachBounded } from '../core/for-each-bounded.ts';
import { archiveMessage } from '../core/message.ts';
import { batchSize } from '../core/timings.ts';
import { type ArchiveDependencies, archiveTrack, type FailedTrack } from './archive-track.ts';
import type { Budget } from './budget.ts';
import { failTrack } from './fail-track.ts';
import type { ArchiveRequest } from './parse-archive-request.ts';
import { waitForSecondLook } from './second-look.ts';

export interface ArchiveOnRequestDependencies extends ArchiveDependencies {
  queue: Pick<ArchiveQueue, 'sendToDeadLetterQueue'>;
  send: SendTrack;
}

/** The response of the spec. `success` says that the run took place; its failures are in `results`. */
export interface ArchiveResults {
  success: true;
  message: string;
  results: {
    total: number;
    succeeded: number;
    failed: number;
    errors: { trackId: string; title: string | null; error: string }[];
  };
}

/**
 * Archives one track, or the most urgent ones that are due, and returns when all have been tried. What
 * fails goes where the queue's consumer would have put it: retryable on the queue, final in the
 * dead-letter queue.
 */
export async function archiveOnRequest(
  request: ArchiveRequest,
  dependencies: ArchiveOnRequestDependencies,
  budget: Budget,
): Promise<ArchiveResults> {
  const { telemetry } = dependencies;
  const { tracks } = await dependencies.supabase();
  const work: WorklistEntry[] =
    request.trackId === undefined
      ? await tracks.worklist(request.limit)
      : [{ track_id: request.trackId, title: null }];
  const errors: ArchiveResults['results']['errors'] = [];
  await forEachBounded(work, batchSize, ({ track_id: trackId, title }) =>
    withLogFields({ trackId, origin: 'manual' }, async () => {
      try {
        budget.signal.throwIfAborted();
        const result = await archiveTrack(trackId, dependencies, budget);
        if (result.outcome === 'archived') return;
        if (result.outcome === 'skipped') {
          if (result.reason === 'already_archived') return;
          errors.push({ trackId, title, error: result.reason });
          return;
        }
        const { claim, failure } = result;
        errors.push({ trackId, title: claim.title, error: `${failure.code}: ${failure.message}` });
        await settleFailure(trackId, result, dependencies);
      } catch (error) {
        const failure = classify(error);
        telemetry.log.error('Track failed', { code: failure.code, error: failure });
        if (errors.some((each) => each.trackId === trackId)) return;
        errors.push({ trackId, title, error: `${failure.code}: ${failure.message}` });
      }
    }),
  );
  const total = work.length;
  const failed = errors.length;
  const succeeded = total - failed;
  return {
    success: true,
    message: `Archived ${succeeded}/${total} tracks`,
    results: { total, succeeded, failed, errors },
  };
}

async function settleFailure(
  trackId: string,
  result: FailedTrack,
  dependencies: ArchiveOnRequestDependencies,
): Promise<void> {
  const { claim, failure } = result;
  const { supabase, send, telemetry } = dependencies;
  const { tracks } = await supabase();
  if (await waitForSecondLook(result, tracks, telemetry, new Date())) return;
  if (failure.disposition === 'give-up') {
    const body = archiveMessage(trackId, 'manual');
    await failTrack({ trackId, body }, failure, () => tracks.fail(claim, failure), dependencies);
    return;
  }
  // A superseded job is pending again already.
  const isReleased = failure.code === 'superseded' || (await tracks.release(claim, failure, 0));
  if (!isReleased) return;
  telemetry.count('TracksRetried');
  await send(trackId, 'manual');
}
