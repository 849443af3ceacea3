export interface Clock {
  /** Milliseconds since the epoch: the machine's clock plus the offset. */
  now(): number;
  /** Runs `run` once when `time` (milliseconds) comes, by itself or by a jump. Returns its cancellation. */
  at(time: number, run: () => void): () => void;
  /**
   * Jumps forward to `time`. Listeners learn of the new offset, and finish, before any timer that has
   * become due runs; those run in the order of their times. A time that has passed changes nothing.
   */
  advanceTo(time: number): Promise<void>;
  /** The time of the earliest timer. */
  next(): number | undefined;
  /** Returns the removal of the listener. */
  onChange(listener: (offsetMilliseconds: number) => Promise<void> | void): () => void;
}

interface Timer {
  time: number;
  run: () => void;
}

/** Node fires at once what lies further ahead than this. */
const longestTimeout = 2 ** 31 - 1;

/** A clock that runs in real time and can jump ahead. Its timers do not keep the process alive. */
export function createClock(): Clock {
  let offset = 0;
  let timers: Timer[] = [];
  let alarm: NodeJS.Timeout | undefined;
  let jumps = 0;
  let lastJump: Promise<void> = Promise.resolve();
  const listeners = new Set<(offsetMilliseconds: number) => Promise<void> | void>();
  const now = () => Date.now() + offset;

  function arm(): void {
    clearTimeout(alarm);
    const first = timers[0];
    if (first === undefined || jumps > 0) return;
    const wait = Math.min(Math.max(first.time - now(), 0), longestTimeout);
    alarm = setTimeout(runDue, wait).unref();
  }

  function runDue(): void {
    for (let first = timers[0]; first !== undefined && first.time <= now(); first = timers[0]) {
      timers.shift();
      first.run();
    }
    arm();
  }

  async function jump(time: number): Promise<void> {
    try {
      if (time > now()) {
        offset = time - Date.now();
        await Promise.all([...listeners].map((listener) => listener(offset)));
      }
    } finally {
      jumps -= 1;
      if (jumps === 0) runDue();
    }
  }

  return {
    now,
    at(time, run) {
      const timer = { time, run };
      const later = timers.findIndex((other) => other.time > time);
      timers.splice(later === -1 ? timers.length : later, 0, timer);
      if (timers[0] === timer) arm();
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advanceTo(time) {
      jumps += 1;
      clearTimeout(alarm);
      const running = lastJump.then(() => jump(time));
      lastJump = running.catch(() => {});
      return running;
    },
    next: () => timers[0]?.time,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
