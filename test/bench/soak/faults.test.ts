import assert from 'node:assert/strict';
import { test } from 'vitest';
import { statusFailure } from '../../../adapters/provider/response.ts';
import { pickFault } from '../../../bench/soak/faults.ts';
import { Random } from '../../../bench/soak/random.ts';

const samples = { image: Buffer.from('image'), sound: Buffer.from('sound') };

test('the soak calls each status of a provider by the code that the archiver gives it', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 3000; seed++) {
    const fault = pickFault(new Random(seed), 'cover', samples);
    if (fault?.behaviour.kind !== 'status') continue;
    const { status } = fault.behaviour;
    const url = new URL('https://cdn.provider.example/a');
    assert.equal(statusFailure(status, {}, url, new Date(0))?.code, fault.code, String(status));
    seen.add(status);
  }
  assert.ok(seen.size >= 8, [...seen].join());
});
