import { until } from '../support/until.ts';

/** What is waited for, and what shows that it will never be. */
export interface Hope<Value> {
  what: string;
  /** Milliseconds. */
  timeout: number;
  holds: () => Promise<Value | undefined>;
  /** Asked first, each time: a reason ends the waiting at once. */
  isVain: () => Promise<string | undefined>;
}

/** Polls until it holds; rejects as soon as it cannot any more, and at the latest after the timeout. */
export async function waitFor<Value>({
  what,
  timeout,
  holds,
  isVain,
}: Hope<Value>): Promise<Value> {
  const found = await until(
    async () => {
      const reason = await isVain();
      if (reason !== undefined) return { reason };
      const value = await holds();
      return value === undefined ? undefined : { value };
    },
    { timeout, interval: 200, what },
  );
  if ('reason' in found) throw new Error(`${what} will not come to pass: ${found.reason}`);
  return found.value;
}
