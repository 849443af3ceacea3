import { describe, test } from 'vitest';
import type { Case } from './case.ts';
import { failureCases } from './table.ts';

for (const [code, cases] of Object.entries<readonly Case[]>(failureCases)) {
  const played = cases.filter((each) => 'play' in each);
  if (played.length === 0) continue;
  describe(code, () => {
    for (const { what, play } of played) test(`where ${what}`, play);
  });
}
