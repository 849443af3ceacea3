/** Pseudorandom bytes and numbers that a failed test can be repeated with: Marsaglia's xorshift of 32 bits. */
export function random(seed = (Date.now() % 0x7fff_ffff) + 1) {
  let state = seed;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return {
    seed,
    /** A whole number from 0 to below `limit`. */
    below: (limit: number) => next() % Math.max(1, limit),
    bytes(length: number): Buffer<ArrayBuffer> {
      const words = new Uint32Array(Math.ceil(length / 4));
      for (let at = 0; at < words.length; at++) words[at] = next();
      return Buffer.from(words.buffer, 0, length);
    },
  };
}
