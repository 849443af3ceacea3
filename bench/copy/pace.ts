/** Milliseconds' worth of bytes that a connection that was held up may catch up with. */
const catchUp = 100;

/** Spreads the bytes of one connection over time. */
export class Pace {
  readonly #perMillisecond: number;
  readonly #now: () => number;
  /** When the bytes that have passed should have passed. */
  #due: number;

  /** `now` in milliseconds. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#perMillisecond = bytesPerSecond / 1000;
    this.#now = now;
    this.#due = now();
  }

  /** Bytes have passed. Returns how many milliseconds to wait before the next; not more than 0: none. */
  pass(bytes: number): number {
    const now = this.#now();
    this.#due = Math.max(this.#due, now - catchUp) + bytes / this.#perMillisecond;
    return this.#due - now;
  }

  /** Bytes that are worth `milliseconds`. */
  worth(milliseconds: number): number {
    return this.#perMillisecond * milliseconds;
  }
}
