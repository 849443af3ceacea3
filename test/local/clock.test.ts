import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { createClock } from '../../local/clock.ts';
import { until } from '../support/until.ts';

const day = 86_400_000;

describe('the clock', () => {
  test('runs timers by itself when their time comes', async () => {
    const clock = createClock();
    let runs = 0;
    clock.at(clock.now() + 20, () => {
      runs += 1;
    });
    clock.at(clock.now() - 1000, () => {
      runs += 1;
    });
    // The clock's own timers do not keep the process alive; this test's polling does.
    await until(() => runs === 2);
  });

  test('tells listeners of a jump, waits for them, then runs what is due in order', async () => {
    const clock = createClock();
    const events: string[] = [];
    const start = clock.now();
    clock.at(start + 13 * day, () => events.push('day 13'));
    clock.at(start + 2 * day, () => events.push('day 2'));
    clock.at(start + 20 * day, () => events.push('day 20'));
    clock.onChange(async (offset) => {
      assert.ok(Math.abs(offset - 15 * day) < 60_000);
      await new Promise(setImmediate);
      events.push('listener');
    });
    assert.equal(clock.next(), start + 2 * day);
    await clock.advanceTo(start + 15 * day);
    assert.deepEqual(events, ['listener', 'day 2', 'day 13']);
    assert.ok(clock.now() >= start + 15 * day);
    assert.equal(clock.next(), start + 20 * day);
  });

  test('never goes back', async () => {
    const clock = createClock();
    await clock.advanceTo(clock.now() + day);
    const before = clock.now();
    await clock.advanceTo(before - day);
    assert.ok(clock.now() >= before);
  });

  test('forgets a cancelled timer and a removed listener', async () => {
    const clock = createClock();
    const unexpected = () => assert.fail('ran');
    clock.at(clock.now() + day, unexpected)();
    clock.onChange(unexpected)();
    await clock.advanceTo(clock.now() + 2 * day);
    assert.equal(clock.next(), undefined);
  });

  test('keeps running its timers after a listener has failed', async () => {
    const clock = createClock();
    const remove = clock.onChange(() => Promise.reject(new Error('listener')));
    let ran = false;
    clock.at(clock.now() + day, () => {
      ran = true;
    });
    await assert.rejects(clock.advanceTo(clock.now() + 2 * day), /listener/);
    remove();
    assert.ok(ran);
  });
});
