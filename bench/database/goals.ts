import type { Results } from './run.ts';
import { isReached } from './triggers.ts';

export interface Goal {
  name: string;
  reached: boolean;
}

/** Milliseconds for which an app may wait while its table is adopted. */
export const longestWait = 1000;

/** Every goal, and whether it was reached. */
export function goals({ queries, triggers, adoption, statisticsAreExact }: Results): Goal[] {
  return [
    ...queries.map(({ name, milliseconds, atMost }) => ({ name, reached: milliseconds <= atMost })),
    { name: 'statistics are exact', reached: statisticsAreExact },
    ...triggers.map((each) => ({
      name: `${each.name}, ${each.rows} rows`,
      reached: isReached(each),
    })),
    { name: 'adoption rewrites no table', reached: !adoption.rewritten },
    { name: 'adoption sends nothing', reached: adoption.webhooks === 0 },
    { name: 'adoption tells nobody', reached: adoption.notifications === 0 },
    {
      name: 'adoption keeps nobody waiting',
      reached: Math.max(...Object.values(adoption.longestWait)) <= longestWait,
    },
  ];
}
