import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { type Disposition, type FailureCode, failures } from '../../core/failure.ts';
import { providerHost } from '../lambdas/world.ts';
import { afterSuite } from '../support/cleanup.ts';
import type { Case, DeliveredCase } from './case.ts';
import { deliverCases } from './deliver-cases.ts';
import { type Ground, startGround, withDns } from './ground.ts';
import {
  assertArchived,
  assertFailed,
  assertRefused,
  assertSecondLook,
  type Staged,
} from './outcome.ts';
import { recoveredCases } from './recovered-cases.ts';
import { bucketChanges } from './storage-cases.ts';
import { failureCases } from './table.ts';

interface Expected {
  code: FailureCode | 'archived';
  scene: DeliveredCase;
}

const failing = (Object.entries(failureCases) as [FailureCode, readonly Case[]][]).flatMap(
  ([code, cases]) => cases.flatMap((each) => ('play' in each ? [] : [{ code, scene: each }])),
);
const recovered = recoveredCases.map((scene) => ({ code: 'archived' as const, scene }));

/** The case's failing file is a cover or a video, and its code says what becomes of it. */
const isOptionalFile = ({ code, scene }: Expected, disposition: Disposition): boolean =>
  code !== 'archived' &&
  failures[code].disposition === disposition &&
  (scene.cover ?? scene.video) !== undefined;

test('every code has a case', () => {
  const cases: Partial<Record<string, readonly Case[]>> = failureCases;
  for (const code of Object.keys(failures)) {
    assert.ok(cases[code]?.length, `add one for ${code} to a test/failures/*-cases.ts`);
  }
  for (const code of Object.keys(cases)) assert.ok(code in failures, `${code} is no code`);
});

describe('the archive bundle meets every failure at once', () => {
  const suite = afterSuite();
  const expected: Expected[] = [...failing, ...recovered].sort(
    (a, b) => Number(b.scene.waits ?? false) - Number(a.scene.waits ?? false),
  );
  let ground: Ground;
  let staged: readonly Staged[] = [];
  beforeAll(async () => {
    const environment = { ...withDns, STORAGE_TIMEOUT_MS: '2000' };
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
      else if (isOptionalFile({ code, scene }, 'give-up'))
        await assertRefused(ground, track, code, scene);
      else if (isOptionalFile({ code, scene }, 'ask-again'))
        await assertSecondLook(ground, track, code, scene);
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
