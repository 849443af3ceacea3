import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { atExpression, isDueNow, scheduleName, scheduleWindow } from '../../core/schedule.ts';

const times = fc.date({
  min: new Date('2020-01-01'),
  max: new Date('2090-01-01'),
  noInvalidDate: true,
});

test('the name of a schedule fits what EventBridge Scheduler allows', () => {
  fc.assert(fc.property(fc.uuid(), (id) => /^[0-9a-zA-Z-_.]{1,64}$/.test(scheduleName(id))));
});

test('an expression names its second in UTC', () => {
  fc.assert(
    fc.property(times, (due) => {
      const [, text] = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(atExpression(due)) ?? [];
      assert.equal(Date.parse(`${text}Z`), Math.floor(due.getTime() / 1000) * 1000);
    }),
  );
});

test('what is due within a minute, now or in the past is due now', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  const after = (seconds: number) => isDueNow(new Date(now.getTime() + seconds * 1000), now);
  assert.deepEqual([-86_400, 0, 60, 61, 86_400].map(after), [true, true, true, false, false]);
});

test('the window never exceeds its maximum, nor a quarter of the time until the files expire', () => {
  fc.assert(
    fc.property(
      times,
      fc.integer({ min: -10, max: 5000 }),
      fc.nat(1440),
      (due, minutes, maximum) => {
        const expires = new Date(due.getTime() + minutes * 60_000);
        const window = scheduleWindow(due, expires, maximum);
        return (
          Number.isInteger(window) &&
          window >= 0 &&
          window <= maximum &&
          window <= Math.max(0, minutes / 4)
        );
      },
    ),
  );
});
