/**
 * How a property is tried. fast-check prints the seed of one that fails; `TEST_SEED=<it> npm test -- security`
 * plays the same cases again.
 */
export const trying = (numRuns: number) => {
  const seed = process.env.TEST_SEED;
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) };
};
