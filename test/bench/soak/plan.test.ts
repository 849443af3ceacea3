import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseOptions } from '../../../bench/soak/options.ts';
import { makePlan } from '../../../bench/soak/plan.ts';
import { promised } from '../../../bench/soak/promise.ts';

test('the same seed makes the same plan, another seed another', () => {
  assert.deepEqual(makePlan(7, 200), makePlan(7, 200));
  assert.notEqual(makePlan(7, 200).fingerprint, makePlan(8, 200).fingerprint);
});

test('a plan has tracks of every fate, and of each disturbance one at least', () => {
  const plan = makePlan(42, 3000);
  const { tracks, disturbances } = plan;
  const kinds = disturbances.map((each) => {
    if ('lambda' in each) return each.lambda;
    return 'part' in each ? each.part : each.what;
  });
  assert.deepEqual([...new Set(kinds)].sort(), [
    ...['archive', 'door', 'enqueue', 'gateway', 'postgres', 'repeat', 'stray'],
    ...['sweep', 'two sweeps', 'wipe'],
  ]);
  const owed = tracks.map((track) => promised(track, plan, true));
  const share = (what: unknown[]) => what.length / tracks.length;
  assert.ok(share(owed.filter(({ hopeless }) => hopeless.size > 0)) < 0.15);
  const savable = owed.filter(({ hopeless, hadTime }) => hopeless.size === 0 && hadTime);
  assert.ok(share(savable) > 0.6, 'most tracks are owed to be saved');
  const codes = new Set(owed.flatMap(({ hopeless }) => [...hopeless]));
  assert.ok(codes.size >= 12, [...codes].join(' '));
  for (const property of ['deletedAt', 'requestedAt'] as const) {
    assert.ok(tracks.some((track) => track[property] !== undefined));
  }
  assert.ok(tracks.some(({ sources }) => sources.length > 1));
  assert.ok(tracks.some(({ completedAt }) => completedAt === undefined));
});

test('everything in a plan happens in its order', () => {
  for (const { madeAt, completedAt, dueAt, deadline, sources } of makePlan(3, 500).tracks) {
    assert.ok(madeAt <= (completedAt ?? madeAt) && dueAt <= deadline);
    assert.ok(sources.every(({ from }) => from >= madeAt && from < deadline));
  }
});

test('options that make no sense are refused', () => {
  assert.deepEqual(parseOptions(['--tracks', '5', '--seed', '1']), {
    ...{ tracks: 5, seed: 1, log: undefined, json: false, help: false },
  });
  for (const args of [['--tracks', '0'], ['--seed', 'x'], ['--seed', '-1'], ['more'], ['--what']]) {
    assert.equal(parseOptions(args), undefined);
  }
});
