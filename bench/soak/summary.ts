import { type CheckedTrack, type Ending, placeOf } from './check-track.ts';
import type { Gathered } from './gather.ts';
import { isSavable } from './promise.ts';
import type { World } from './world.ts';

/** What is printed, as a table or as JSON. */
export interface Summary {
  seed: number;
  tracks: number;
  /** The same for the same plan. */
  plan: string;
  days: number;
  seconds: number;
  endings: Partial<Record<Ending, number>>;
  /** Of those that are still there and were completed. */
  owed: {
    /** Could be saved, and everybody was there for long enough before the deadline. */
    savable: number;
    savableArchived: number;
    /** Could be saved, but somebody was away for most of the time; nothing is promised. */
    tooShort: number;
    tooShortArchived: number;
    /** What had been stored in time was completed by a late message. */
    tooShortLate: number;
    /** Could not be saved at all. */
    hopeless: number;
  };
  /** Failed tracks by code. */
  failed: Record<string, number>;
  /** What was done to them. */
  injected: Record<string, number>;
  provider: { requests: number; wholeFiles: number; servedAgain: number };
  storage: {
    objects: number;
    unreferenced: number;
    /** Of these, of tracks that were archived when their users deleted them. */
    ofDeletedArchived: number;
    /** Of these, of tracks that were deleted before: the app never knew of them. */
    ofDeletedUnarchived: number;
  };
  deadLetters: number;
  /** The track that could be saved and was archived nearest to its deadline, or furthest behind it. */
  worst: { track: string; lifetime: string; minutesAfterDeadline: number } | undefined;
  findings: string[];
}

export interface End {
  atRest: boolean;
  seconds: number;
  deadLetters: number;
}

export function summarize(
  world: World,
  gathered: Gathered,
  checked: CheckedTrack[],
  end: End,
): Summary {
  const { plan, counts, served, stack } = world;
  const worst = checked
    .filter(({ promised, lateness }) => isSavable(promised) && lateness !== undefined)
    .reduce<CheckedTrack | undefined>(
      (most, each) => ((each.lateness ?? 0) > (most?.lateness ?? -Infinity) ? each : most),
      undefined,
    );
  const urls = new Set(stack.provider.requests.map(({ url }) => url));
  const wholes = [...urls].map((url) => served.wholes(url));
  return {
    seed: plan.seed,
    tracks: plan.tracks.length,
    plan: plan.fingerprint,
    days: Math.round((world.now() / 86_400_000) * 10) / 10,
    seconds: Math.round(end.seconds),
    endings: tally(checked.map(({ ending }) => ending)),
    owed: countOwed(checked),
    failed: tally(checked.map(({ code }) => code).filter((code) => code !== undefined)),
    injected: counts.toJSON(),
    provider: {
      requests: stack.provider.requests.length,
      wholeFiles: wholes.reduce((sum, count) => sum + count, 0),
      servedAgain: wholes.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    },
    storage: countObjects(gathered, world.app.removedArchived),
    deadLetters: end.deadLetters,
    worst:
      worst === undefined
        ? undefined
        : {
            track: worst.track.title,
            lifetime: worst.track.lifetime,
            minutesAfterDeadline: Math.round((worst.lateness ?? 0) / 60_000),
          },
    findings: [
      ...(end.atRest ? [] : ['It did not come to rest: queue, schedules or jobs are left.']),
      ...checked.flatMap(({ track, findings }) =>
        findings.map((finding) => `${track.title} (${track.lifetime}, ${track.id}): ${finding}`),
      ),
    ],
  };
}

function countOwed(checked: CheckedTrack[]): Summary['owed'] {
  const there = checked.filter(
    ({ ending }) => ending !== 'deleted' && ending !== 'never completed',
  );
  const hopeful = there.filter(({ promised }) => promised.hopeless.size === 0);
  const savable = hopeful.filter(({ promised }) => isSavable(promised));
  const tooShort = hopeful.filter(({ promised }) => !promised.hadTime);
  const archived = (some: CheckedTrack[]) =>
    some.filter(({ ending }) => ending === 'archived').length;
  return {
    savable: savable.length,
    savableArchived: archived(savable),
    tooShort: tooShort.length,
    tooShortArchived: archived(tooShort),
    tooShortLate: tooShort.filter(({ lateness }) => (lateness ?? 0) > 0).length,
    hopeless: there.length - hopeful.length,
  };
}

function tally<Name extends string>(names: Name[]): Record<Name, number> {
  const found = {} as Record<Name, number>;
  for (const name of names.toSorted()) found[name] = (found[name] ?? 0) + 1;
  return found;
}

/** Objects that no track points to: of tracks that were deleted, or left over by a crash or a changed format. */
function countObjects(
  { objects, tracks }: Gathered,
  removedArchived: ReadonlySet<string>,
): Summary['storage'] {
  const rows = [...tracks.values()];
  const referenced = new Set(
    rows
      .flatMap((row) => [row.storage_audio_url, row.storage_cover_url, row.storage_video_url])
      .map((url) => placeOf(url ?? '')),
  );
  const unreferenced = [...objects.keys()].filter((place) => !referenced.has(place));
  const ofDeleted = unreferenced
    .map((place) => place.split('/')[2]?.split('.')[0] ?? '')
    .filter((id) => !tracks.has(id));
  const ofDeletedArchived = ofDeleted.filter((id) => removedArchived.has(id)).length;
  return {
    objects: objects.size,
    unreferenced: unreferenced.length,
    ofDeletedArchived,
    ofDeletedUnarchived: ofDeleted.length - ofDeletedArchived,
  };
}
