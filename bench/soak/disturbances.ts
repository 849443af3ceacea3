import { demoHosts } from '../../local/provider/server.ts';
import { day, hour, onGrid } from './lifetimes.ts';
import type { Random } from './random.ts';
import type { PlannedTrack } from './tracks.ts';

export const lambdas = ['archive', 'enqueue', 'sweep'] as const;

/** What happens to the machine at `at`, while whatever is due then is under way; `after` is in real milliseconds. */
export type Disturbance = { at: number; after: number } & (
  | { what: 'kill'; lambda: (typeof lambdas)[number] }
  | { what: 'crash'; part: 'gateway' | 'postgres' }
  /** All queues, messages and schedules of AWS are lost, and made anew, empty. */
  | { what: 'wipe' }
  /** SQS delivers some of its messages twice. */
  | { what: 'repeat' }
  /** Messages of tracks that never were, and messages that are none. */
  | { what: 'stray' }
  | { what: 'two sweeps' }
  /** Somebody uses the manual endpoint, archive-tracks, while the queue's own workers are at it. */
  | { what: 'manual' }
);

/** Who does not respond from a moment up to another: a host of the providers, or a part of Supabase. */
export interface Outage {
  from: number;
  to: number;
  of: (typeof demoHosts)[keyof typeof demoHosts] | 'storage' | 'database';
  /** Of a host: connections are reset instead of 503. */
  resets: boolean;
}

/** No sweeps are run in these hours. */
export const sweepPause = 3 * hour;

/** How many of each, for a thousand tracks; at least one. */
const perThousand = {
  archive: 20,
  enqueue: 4,
  sweep: 3,
  gateway: 5,
  postgres: 6,
  wipe: 1,
  repeat: 12,
  stray: 4,
  'two sweeps': 8,
  manual: 8,
};

export function planDisturbances(
  random: Random,
  tracks: readonly PlannedTrack[],
  end: number,
): { disturbances: Disturbance[]; outages: Outage[]; sweepPauses: number[] } {
  const often = (name: keyof typeof perThousand): unknown[] =>
    Array.from({ length: Math.max(1, Math.round((perThousand[name] * tracks.length) / 1000)) });
  /** When somebody's work is due: that is when it hurts. */
  const busy = () => {
    const { completedAt, madeAt, dueAt } = random.pick(tracks);
    return onGrid(random.chance(0.3) ? (completedAt ?? madeAt) : dueAt);
  };
  const moment = (most: number) => ({ at: busy(), after: random.whole(0, most) });
  const disturbances: Disturbance[] = [
    ...lambdas.flatMap((lambda) =>
      often(lambda).map(() => ({ ...moment(600), what: 'kill' as const, lambda })),
    ),
    ...(['gateway', 'postgres'] as const).flatMap((part) =>
      often(part).map(() => ({ ...moment(600), what: 'crash' as const, part })),
    ),
    ...(['wipe', 'repeat', 'stray', 'two sweeps', 'manual'] as const).flatMap((what) =>
      often(what).map(() => ({ ...moment(400), what })),
    ),
  ];
  const outage = (of: Outage['of'], longest: number): Outage => {
    const from = busy();
    return { of, from, to: from + onGrid(random.next() * longest), resets: random.chance(0.5) };
  };
  const weeks = Math.ceil(end / (7 * day));
  const outages = Array.from({ length: weeks }, () => [
    ...Object.values(demoHosts).map((host) => outage(host, 8 * hour)),
    outage('storage', 5 * hour),
    outage('database', 3 * hour),
  ]).flat();
  const sweepPauses = Array.from({ length: weeks }, busy);
  return {
    disturbances: disturbances.sort((one, other) => one.at - other.at),
    outages,
    sweepPauses,
  };
}

export const isOut = (outages: readonly Outage[], of: Outage['of'], now: number) =>
  outages.find((outage) => outage.of === of && outage.from <= now && now < outage.to);
