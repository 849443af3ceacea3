/** Something that must hold, and what was found. */
export interface Expectation {
  expected: string;
  found: string;
  held: boolean;
}

/** Compares `found` with `wanted`, both as they should be shown. */
export const expectation = (expected: string, found: string, wanted: string): Expectation => ({
  expected,
  found,
  held: found === wanted,
});
