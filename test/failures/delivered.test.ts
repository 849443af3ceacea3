import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { type FailureCode, failures } from '../../core/failure.ts';
import { providerHost } from '../lambdas/world.ts';
import { afterSuite } from '../support/cleanup.ts';
import type { Case, DeliveredCase } from './case.ts';
import { deliverCases } from './deliver-cases.ts';
import { type Ground, startGround, withDnsAnswers } from './ground.ts';
import { mendedCases } from './mended-cases.ts';
import { assertArchived, assertFailed, type Staged } from './outcome.ts';
import { bucketChanges } from './storage-cases.ts';
import { failureCases } from './table.ts';

interface Expected {
  code: FailureCode | 'archived';
  scene: DeliveredCase;
}

const failing = (Object.entries(failureCases) as [FailureCode, readonly Case[]][]).flatMap(
  ([code, cases]) => cases.flatMap((each) => ('play' in each ? [] : [{ code, scene: each }])),
);
const mended = mendedCases.map((scene) => ({ code: 'archived' as const, scene }));

test('every code has a case', () => {
  const cases: Partial<Record<string, readonly Case[]>> = failureCases;
  for (const code of Object.keys(failures)) {
    assert.ok(cases[code]?.length, `add one for ${code} to a test/failures/*-cases.ts`);
  }
  for (const code of Object.keys(cases)) assert.ok(code in failures, `${code} is no code`);
});

describe('the archive bundle meets every failure at once', () => {
  const suite = afterSuite();
  const expected: Expected[] = [...failing, ...mended].sort(
    (a, b) => Number(b.scene.waits ?? false) - Number(a.scene.waits ?? false),
  );
  let ground: Ground;
  let staged: readonly Staged[] = [];
  beforeAll(async () => {
    const environment = { ...withDnsAnswers, STORAGE_TIMEOUT_MS: '2000' };
    ground = await startGround(suite, { environment });
    for (const change of bucketChanges) await ground.database.query(change);
    staged = await deliverCases(
      ground,
      expected.map(({ scene }) => scene),
    );
  });

  for (const [index, { code, scene }] of expected.entries()) {
    test(`${code} where ${scene.what}`, async () => {
      const track = staged[index];
      assert.ok(track);
      if (code === 'archived') await assertArchived(ground, track, scene);
      else await assertFailed(ground, track, code, scene);
    });
  }

  test('no other host is asked anything', () => {
    const elsewhere = ground.provider.requests.filter(
      ({ url }) => new URL(url).hostname !== providerHost,
    );
    assert.deepEqual(elsewhere, []);
  });
});
