import { createHash } from 'node:crypto';
import { type Disturbance, type Outage, planDisturbances } from './disturbances.ts';
import { hour, type Lifetime, onGrid } from './lifetimes.ts';
import { Random } from './random.ts';
import { type PlannedTrack, planTrack } from './tracks.ts';

export interface Plan {
  seed: number;
  userIds: string[];
  tracks: PlannedTrack[];
  disturbances: Disturbance[];
  outages: Outage[];
  /** Beginnings of the hours in which the sweep does not run. */
  sweepPauses: number[];
  /** When the last deadline is over. */
  end: number;
  /** The same for the same seed and number of tracks. */
  fingerprint: string;
}

/**
 * All that will happen in a soak; what befalls single requests is decided as they come, by the seed and
 * what they are about.
 */
export function makePlan(seed: number, count: number): Plan {
  const random = new Random(seed, 'plan');
  const userIds = Array.from({ length: 1 + Math.ceil(count / 50) }, () => random.uuid());
  const span = Math.max(6 * hour, count * 72_000);
  // A short soak has no time for fifteen days.
  const weights: Record<Lifetime, number> =
    count < 500
      ? { fortnight: 0, week: 0, weekend: 60, day: 30, hour: 10 }
      : { fortnight: 35, week: 20, weekend: 10, day: 25, hour: 10 };
  const tracks = Array.from({ length: count }, (_, index) =>
    planTrack(new Random(seed, 'track', index), {
      index,
      userId: random.pick(userIds),
      lifetime: random.weighted(weights),
      madeAt: onGrid(random.next() * span),
    }),
  );
  const end = onGrid(Math.max(...tracks.map(({ deadline }) => deadline)) + 2 * hour);
  const events = planDisturbances(new Random(seed, 'disturbances'), tracks, end);
  const text = JSON.stringify({ userIds, tracks, events }, (_, value) =>
    value === Number.POSITIVE_INFINITY ? 'never' : value,
  );
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { seed, userIds, tracks, ...events, end, fingerprint };
}
