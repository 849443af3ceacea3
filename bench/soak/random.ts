import { createHash } from 'node:crypto';

/** Numbers that look random and follow from their labels alone. */
export class Random {
  #state: Uint32Array;

  constructor(...labels: (string | number)[]) {
    const hash = createHash('sha256').update(labels.join('\0')).digest();
    this.#state = new Uint32Array(4);
    for (const index of this.#state.keys()) this.#state[index] = hash.readUInt32LE(index * 4);
  }

  /** In [0, 1); xoshiro128** 1.1 (Blackman, Vigna). */
  next(): number {
    const s = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = s;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    s.set([a ^ b ^ d, b ^ c ^ a, c ^ a ^ (b << 9), rotate(d ^ b, 11)]);
    return result / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.whole(0, values.length - 1)];
    if (value === undefined) throw new RangeError('There is nothing to pick from.');
    return value;
  }

  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Record<Name, number>): Name {
    const entries = Object.entries<number>(weights) as [Name, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return this.pick(entries)[0];
  }

  uuid(): string {
    const bytes = Buffer.from(Uint8Array.from({ length: 16 }, () => this.whole(0, 255)));
    bytes[6] = (this.whole(0, 255) & 0x0f) | 0x40;
    bytes[8] = (this.whole(0, 255) & 0x3f) | 0x80;
    const text = bytes.toString('hex');
    return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
