import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { type FailureCode, failures } from '../../core/failure.ts';
import { maxTries } from '../../core/retry.ts';
import { maxReceiveCount } from '../../core/timings.ts';
import { readJob, readTrack } from '../lambdas/tracks.ts';
import { queueName } from '../lambdas/world.ts';
import { afterSuite } from '../support/cleanup.ts';
import type { Case } from './case.ts';
import { deliverCases } from './deliver-cases.ts';
import { type Ground, startGround } from './ground.ts';
import { audioRequests, type Staged, storedKinds } from './outcome.ts';
import { bucketChanges } from './storage-cases.ts';
import { failureCases } from './table.ts';

const retried = (Object.entries(failureCases) as [FailureCode, readonly Case[]][])
  .filter(([code]) => failures[code].disposition === 'retry')
  .flatMap(([code, cases]) =>
    cases.flatMap((each) => ('play' in each ? [] : [{ code, scene: each }])),
  )
  // A time of day that the provider asks for passes in the meantime.
  .filter(({ scene }) => scene.slack === undefined);

describe('whatever time may fix is in the dead-letter queue after five deliveries, if it does not', () => {
  const suite = afterSuite();
  let ground: Ground;
  let staged: readonly Staged[] = [];
  beforeAll(async () => {
    ground = await startGround(suite, { environment: { STORAGE_TIMEOUT_MS: '2000' } });
    for (const change of bucketChanges) await ground.database.query(change);
    staged = await deliverCases(
      ground,
      retried.map(({ scene }) => scene),
    );
  });

  test('each comes back four times', async () => {
    for (let delivery = 1; delivery < maxReceiveCount; delivery += 1) {
      const waiting = ground.aws.queue(queueName)?.messages ?? [];
      assert.equal(waiting.length, retried.length);
      await ground.clock.advanceTo(Math.max(...waiting.map(({ visibleAt }) => visibleAt)));
      await ground.settled();
    }
    assert.deepEqual(ground.aws.queue(queueName)?.messages, []);
  });

  for (const [index, { code, scene }] of retried.entries()) {
    test(`${code} where ${scene.what}`, async () => {
      const track = staged[index];
      assert.ok(track);
      const { status, error_code, attempt } = await readJob(ground, track.id);
      assert.deepEqual([status, error_code, attempt], ['failed', code, maxReceiveCount]);
      assert.deepEqual(
        ground.deadLetters(track.id).map(({ attributes }) => [attributes.code, attributes.trackId]),
        [[code, track.id]],
      );
      const first = scene.requests ?? (scene.url === undefined ? maxTries : 0);
      // Later deliveries take at once the manner that bears more; the first asks once more for it.
      const later = Math.min(first, maxTries) * (maxReceiveCount - 1);
      assert.equal(audioRequests(ground, track), first + later);
      assert.equal((await readTrack(ground, track.id)).archived_to_storage, false);
      assert.deepEqual(await storedKinds(ground, track, scene.holds), scene.stored ?? []);
    });
  }
});
