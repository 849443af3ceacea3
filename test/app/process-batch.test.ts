import assert from 'node:assert/strict';
import type { SQSEvent } from 'aws-lambda';
import { test } from 'vitest';
import type { ArchiveQueue } from '../../adapters/queue.ts';
import type { Storage } from '../../adapters/supabase/storage.ts';
import type { Tracks } from '../../adapters/supabase/tracks.ts';
import { startBudget } from '../../app/budget.ts';
import { type BatchDependencies, processBatch } from '../../app/process-batch.ts';
import { ArchiveFailure } from '../../core/failure.ts';
import { archiveMessage } from '../../core/message.ts';
import { quiet } from '../support/quiet.ts';

const trackIdOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

const event = (count: number): SQSEvent =>
  ({
    Records: Array.from({ length: count }, (_, index) => ({
      messageId: `m${index}`,
      receiptHandle: `r${index}`,
      body: archiveMessage(trackIdOf(index), 'schedule'),
      attributes: { ApproximateReceiveCount: '2' },
    })),
  }) as unknown as SQSEvent;

/** Delivers a batch of so many messages; `claim` stands for all of a track's work. */
async function process(
  count: number,
  claim: (trackId: string) => Promise<void>,
  changeVisibility: ArchiveQueue['changeVisibility'] = async () => {},
) {
  const tracks: Partial<Tracks> = {
    claim: async (trackId) => {
      await claim(trackId);
      return { outcome: 'already_archived' };
    },
  };
  const dependencies: BatchDependencies = {
    queue: { changeVisibility, sendToDeadLetterQueue: async () => {} },
    supabase: async () => ({ tracks: tracks as Tracks, storage: {} as Storage }),
    provider: { open: () => Promise.reject(new Error('not asked')) },
    retry: { random: () => 0, baseDelay: 0 },
    worker: 'worker',
    telemetry: quiet,
    now: () => new Date(),
  };
  const budget = startBudget(60_000);
  try {
    return await processBatch(event(count), dependencies, budget);
  } finally {
    budget.end();
  }
}

test('whatever a message’s work throws, it comes again, and its neighbours are done', async () => {
  const changed: [string, number][] = [];
  const response = await process(
    3,
    async (trackId) => {
      if (trackId === trackIdOf(1)) throw new ArchiveFailure('database_unavailable', 'down');
      if (trackId === trackIdOf(2)) throw new TypeError('a defect');
    },
    async (handles, seconds) => void changed.push([handles.join(), seconds]),
  );
  assert.deepEqual(
    response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['m1', 'm2'],
  );
  assert.deepEqual(changed, [
    ['r0,r1,r2', 960],
    ['r1', 120],
    ['r2', 120],
  ]);
});

test('a queue that refuses to change visibility stops no work', async () => {
  const claimed: string[] = [];
  const response = await process(
    1,
    async (trackId) => void claimed.push(trackId),
    () => Promise.reject(new Error('throttled')),
  );
  assert.deepEqual(response, { batchItemFailures: [] });
  assert.deepEqual(claimed, [trackIdOf(0)]);
});

test('no more than ten messages are worked on at once, however large the batch', async () => {
  let running = 0;
  let most = 0;
  await process(35, async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running -= 1;
  });
  assert.equal(most, 10);
});
