import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until `condition` gives something truthy, and resolves to that. Throws after `timeout`
 * milliseconds with `what`, and with the last error where the condition threw.
 */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  options: { timeout?: number; interval?: number; what?: string } = {},
): Promise<Exclude<Value, false | null | undefined | 0 | ''>> {
  const { timeout = 15_000, interval = 10, what = 'the condition' } = options;
  const end = performance.now() + timeout;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<Value, false | null | undefined | 0 | ''>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) {
      throw new Error(`After ${timeout} ms ${what} did not hold.`, { cause });
    }
    await delay(interval);
  }
}
