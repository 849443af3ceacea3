import assert from 'node:assert/strict';
import type { SQSEvent } from 'aws-lambda';
import { test } from 'vitest';
import { processBatch } from '../../app/process-batch.ts';
import { ArchiveFailure } from '../../core/failure.ts';
import { quiet } from '../support/quiet.ts';

const event = (count: number): SQSEvent =>
  ({
    Records: Array.from({ length: count }, (_, index) => ({
      messageId: `m${index}`,
      receiptHandle: `r${index}`,
      body: '',
      attributes: { ApproximateReceiveCount: '2' },
    })),
  }) as unknown as SQSEvent;

test('whatever a message’s work throws, it comes again, and its neighbours are done', async () => {
  const hidden: [string, number][] = [];
  const answer = await processBatch(event(3), {
    queue: { hide: async (handles, seconds) => void hidden.push([handles.join(), seconds]) },
    settle: async ({ messageId }) => {
      if (messageId === 'm1') throw new ArchiveFailure('database_unavailable', 'down');
      if (messageId === 'm2') throw new TypeError('a defect');
      return { fate: 'done' };
    },
    telemetry: quiet,
  });
  assert.deepEqual(
    answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['m1', 'm2'],
  );
  assert.deepEqual(hidden, [
    ['r0,r1,r2', 960],
    ['r1', 120],
    ['r2', 120],
  ]);
});

test('a queue that refuses to hide messages stops no work', async () => {
  const answer = await processBatch(event(1), {
    queue: { hide: async () => Promise.reject(new Error('throttled')) },
    settle: async () => ({ fate: 'done' }),
    telemetry: quiet,
  });
  assert.deepEqual(answer, { batchItemFailures: [] });
});

test('no more than ten messages are worked on at once, however large the batch', async () => {
  let running = 0;
  let most = 0;
  await processBatch(event(35), {
    queue: { hide: async () => {} },
    settle: async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
      return { fate: 'done' };
    },
    telemetry: quiet,
  });
  assert.equal(most, 10);
});
