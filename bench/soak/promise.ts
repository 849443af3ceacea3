import { type AssetKind, assetKinds, isOptional } from '../../core/assets.ts';
import { type FailureCode, failures } from '../../core/failure.ts';
import { maxTries } from '../../core/retry.ts';
import { maxReceiveCount } from '../../core/timings.ts';
import type { Outage } from './disturbances.ts';
import { hour, lifetimes } from './lifetimes.ts';
import type { Plan } from './plan.ts';
import { filesOf } from './serve.ts';
import { type PlannedTrack, type Sources, wrongAddresses } from './tracks.ts';

/** What the archiver owes a track. */
export interface Promised {
  /** Reasons for which the track cannot be saved; empty: it can. */
  hopeless: ReadonlySet<FailureCode>;
  /**
   * Everybody that the copy needs was there long enough, all at once, before the deadline. Where that is
   * within the hour that the sweep takes to look: nothing at all went wrong.
   */
  hadTime: boolean;
}

export const isSavable = ({ hopeless, hadTime }: Promised): boolean =>
  hopeless.size === 0 && hadTime;

export const lastSources = (track: PlannedTrack): Sources => {
  const last = track.sources.at(-1);
  if (last === undefined) throw new Error(`${track.title} has no sources`);
  return last;
};

/** `isNotified`: all webhooks of the track arrived and succeeded. */
export function promised(track: PlannedTrack, plan: Plan, isNotified: boolean): Promised {
  const sources = lastSources(track);
  const hopeless = new Set(
    assetKinds.map((kind) => hopelessness(kind, sources)).filter((code) => code !== undefined),
  );
  if (track.lifetime === 'hour') {
    return { hopeless, hadTime: isNotified && isUndisturbed(track, sources, plan) };
  }
  const start = Math.max(track.dueAt, sources.from);
  const enough = longestRecovery(track, sources);
  return { hopeless, hadTime: longestCalm(track, start, plan.outages) >= enough };
}

function isUndisturbed(track: PlannedTrack, sources: Sources, plan: Plan): boolean {
  const { madeAt, deadline } = track;
  const harmful = plan.disturbances.filter(({ what }) => ['kill', 'crash', 'wipe'].includes(what));
  return (
    longestCalm(track, madeAt, plan.outages) === deadline - madeAt &&
    !harmful.some(({ at }) => madeAt <= at && at <= deadline) &&
    filesOf(sources).every(({ fault }) => fault === undefined)
  );
}

function hopelessness(kind: AssetKind, sources: Sources): FailureCode | undefined {
  const asset = sources[kind];
  if (asset === null || typeof asset === 'string') {
    if (asset === null && isOptional(kind)) return undefined;
    return wrongAddresses.find(({ address }) => address === asset)?.code;
  }
  const { fault } = asset;
  if (fault === undefined || Number.isFinite(fault.requests)) return undefined;
  return isOptional(kind) && failures[fault.code].disposition === 'give-up'
    ? undefined
    : fault.code;
}

/**
 * How long it may take until a track is archived that everybody would serve: the next try after a failure, a
 * message that was lost, an hour until the sweep and three in which it does not run; and that once
 * more for every round of tries that a file refuses.
 */
function longestRecovery({ lifetime }: PlannedTrack, sources: Sources): number {
  const { retention, archiveAfter } = lifetimes[lifetime];
  const betweenFailures = Math.min(6 * hour, (retention - archiveAfter) / 8);
  const refusals = filesOf(sources).map(({ fault }) => fault?.requests ?? 0);
  const fixed = Math.max(0, ...refusals.filter(Number.isFinite));
  const rounds = Math.floor(fixed / (maxTries * maxReceiveCount));
  return betweenFailures + 8 * hour + rounds * (betweenFailures + 2 * hour);
}

/** The longest time from `start` to the deadline without an outage of those that the copy needs, in milliseconds. */
function longestCalm(track: PlannedTrack, start: number, outages: readonly Outage[]): number {
  const { host } = lifetimes[track.lifetime];
  const needed = outages
    .filter(({ of }) => of === host || of === 'storage' || of === 'database')
    .sort((one, other) => one.from - other.from);
  let longest = 0;
  let from = start;
  for (const outage of needed) {
    longest = Math.max(longest, Math.min(outage.from, track.deadline) - from);
    from = Math.max(from, outage.to);
  }
  return Math.max(longest, track.deadline - from);
}
