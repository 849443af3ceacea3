import type { FailureCode } from '../../core/failure.ts';
import { maxTries } from '../../core/retry.ts';
import { maxReceiveCount } from '../../core/timings.ts';
import type { Outage } from './disturbances.ts';
import { hour, lifetimes } from './lifetimes.ts';
import type { Plan } from './plan.ts';
import { filesOf } from './serve.ts';
import { type PlannedFile, type PlannedTrack, type Sources, wrongAddresses } from './tracks.ts';

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
  const code = hopelessness(sources.audio);
  const hopeless = new Set(code === undefined ? [] : [code]);
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

/** Why the audio can never be had. A cover or video that cannot holds nothing up. */
function hopelessness(audio: Sources['audio']): FailureCode | undefined {
  if (audio === null || typeof audio === 'string') {
    return wrongAddresses.find(({ address }) => address === audio)?.code;
  }
  return isBroken(audio) ? audio.fault?.code : undefined;
}

/** The provider never serves this file. */
export const isBroken = ({ fault }: PlannedFile): boolean =>
  fault !== undefined && !Number.isFinite(fault.requests);

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
