import { demoHosts } from '../../local/provider/server.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Everything that is planned happens at multiples of this, in milliseconds from the beginning. */
export const grid = 10 * minute;
export const onGrid = (time: number): number => Math.ceil(time / grid) * grid;

/** The providers of the soak: their policies, in milliseconds, and where they serve. */
export const lifetimes = {
  fortnight: { retention: 15 * day, archiveAfter: 13 * day, host: demoHosts.suno },
  week: { retention: 7 * day, archiveAfter: 5 * day, host: demoHosts.suno },
  weekend: { retention: 3 * day, archiveAfter: 1.5 * day, host: demoHosts.suno },
  day: { retention: day, archiveAfter: 0, host: demoHosts.mureka },
  hour: { retention: hour, archiveAfter: 0, host: demoHosts.replicate },
} as const;
export type Lifetime = keyof typeof lifetimes;
