import { assetKinds, isOptional } from '../../core/assets.ts';
import { type FailureCode, failures } from '../../core/failure.ts';
import { maxReceiveCount } from '../../core/timings.ts';
import { isOut } from './disturbances.ts';
import { type Gathered, hashOf, type TrackRow } from './gather.ts';
import { hour } from './lifetimes.ts';
import { isBroken, isSavable, lastSources, type Promised, promised } from './promise.ts';
import { bytesOf, filesOf } from './serve.ts';
import type { PlannedFile, PlannedTrack } from './tracks.ts';
import type { World } from './world.ts';

export type Ending = 'archived' | 'failed' | 'deleted' | 'never completed' | 'open';

/** What is known of what really happened. */
export type Evidence = Pick<World, 'plan' | 'served' | 'dateOf' | 'killed'> & {
  mail: Pick<World['mail'], 'lost'>;
};

export interface CheckedTrack {
  track: PlannedTrack;
  ending: Ending;
  promised: Promised;
  code: string | undefined;
  /** Milliseconds after the deadline, negative before it; only of archived tracks. */
  lateness: number | undefined;
  /** What must not be, in words. */
  findings: string[];
}

/** `bucket/path` of a stored address, undefined for anything else. */
export const placeOf = (url: string): string | undefined =>
  /\/storage\/v1\/object\/public\/(.+)$/.exec(url)?.[1];

export function checkTrack(world: Evidence, gathered: Gathered, track: PlannedTrack): CheckedTrack {
  const row = gathered.tracks.get(track.id);
  const owed = promised(track, world.plan, !world.mail.lost.has(track.id));
  const latest = row?.jobs.at(-1);
  const ending = endingOf(track, row);
  const findings: string[] = [];
  if ((row === undefined) !== (track.deletedAt !== undefined)) {
    findings.push(row === undefined ? 'it is not in the database' : 'its deletion was undone');
  }
  if (row !== undefined) {
    if (ending === 'open') findings.push(`something is left to do: job ${latest?.status}`);
    if (ending === 'archived') findings.push(...checkFiles(world, gathered, track, row, owed));
    if (ending === 'archived' && row.notified > row.notifiedSaved) {
      findings.push('its owner still believes that it is not saved');
    }
    if (ending === 'failed') findings.push(...checkFailure(world, track, row, owed));
    findings.push(...checkTwice(row));
  }
  const isOwed = isSavable(owed);
  if (isOwed && (ending === 'failed' || ending === 'open')) {
    findings.unshift('LOST: it could have been saved');
  }
  const archivedAt = ending === 'archived' && row !== undefined ? safeSince(row) : undefined;
  const lateness =
    archivedAt === undefined
      ? undefined
      : archivedAt.getTime() - world.dateOf(track.deadline).getTime();
  if (isOwed && lateness !== undefined && lateness > 0)
    findings.unshift('LATE: after its deadline');
  const code = ending === 'failed' ? (latest?.error_code ?? undefined) : undefined;
  return { track, ending, promised: owed, code, lateness, findings };
}

/** When it was archived; where it had to wait for a cover or video until that was not to be had any more, when all else was stored. */
function safeSince({ archived_at, files }: TrackRow): Date | undefined {
  if (!files.some(({ error_code }) => error_code === 'expired')) return archived_at ?? undefined;
  const times = files.flatMap(({ stored_at }) => stored_at?.getTime() ?? []);
  return new Date(Math.max(...times));
}

function endingOf(track: PlannedTrack, row: TrackRow | undefined): Ending {
  if (row === undefined) return 'deleted';
  const isOpen = row.jobs.at(-1)?.next_check_at !== null;
  if (row.archived_to_storage) return isOpen ? 'open' : 'archived';
  if (track.completedAt === undefined) return 'never completed';
  return row.jobs.at(-1)?.status === 'failed' && !isOpen ? 'failed' : 'open';
}

/**
 * Each file is in Storage under the track's own name with the bytes of its present address. Only where that is not to be
 * had, which the record says, may a copy of a former address stand there, or, of a cover or video, nothing.
 */
function checkFiles(
  { served }: Evidence,
  { objects }: Gathered,
  track: PlannedTrack,
  row: TrackRow,
  owed: Promised,
): string[] {
  const sources = lastSources(track);
  return assetKinds.flatMap((kind) => {
    const stored = row[`storage_${kind}_url`];
    const asset = sources[kind];
    const former = track.sources.map((earlier) => earlier[kind]).filter(isFile);
    const recorded = row.files.find((file) => file.kind === kind);
    if (!isFile(asset) && stored === null) return isOptional(kind) ? [] : ['it has no audio'];
    // The copy of a file whose address the app took away, or made a wrong one, stays.
    if (!isFile(asset) && former.length === 0) {
      return [`its ${kind} is stored, and there never was one`];
    }
    if (isFile(asset) && (stored === null || recorded?.copied_from !== asset.url)) {
      const code = (isOptional(kind) ? recorded?.error_code : row.jobs.at(-1)?.error_code) ?? '';
      const isTrue =
        served.blame(asset.url).has(code as FailureCode) ||
        (code === 'expired' && (isBroken(asset) || !owed.hadTime));
      if (!isTrue) return [`its ${kind} is missing, and its provider is not to blame: ${code}`];
      if (!isBroken(asset) && owed.hadTime) return [`LOST: its ${kind} could have been saved`];
      if (stored === null) return isOptional(kind) ? [] : ['it has no audio'];
    }
    const place = placeOf(stored ?? '');
    if (place?.split('/')[2]?.split('.')[0] !== track.id) return [`its ${kind} is at ${stored}`];
    const found = objects.get(place);
    if (found === undefined) return [`its ${kind} is not in Storage`];
    const copied = former.find(({ url }) => url === recorded?.copied_from);
    return copied !== undefined && found === hashOf(bytesOf(copied))
      ? []
      : [`its ${kind} has other bytes than its source`];
  });
}

const isFile = (asset: PlannedFile | string | null): asset is PlannedFile =>
  asset !== null && typeof asset === 'object';

/** The reason must be one that really befell the track, and its owner must know. */
function checkFailure(
  world: Evidence,
  track: PlannedTrack,
  row: TrackRow,
  owed: Promised,
): string[] {
  const job = row.jobs.at(-1);
  const code = job?.error_code as FailureCode;
  const findings: string[] = [];
  if (row.notified === 0) findings.push('its owner was not notified');
  if (row.notified > track.sources.length)
    findings.push(`its owner was notified ${row.notified} times`);
  const updated = (job?.updated_at.getTime() ?? 0) - world.dateOf(0).getTime();
  if (!reasons(world, track, owed, updated).has(code)) {
    findings.push(`it did not fail for ${code}`);
  }
  return findings;
}

function reasons(
  { served, plan, killed }: Evidence,
  track: PlannedTrack,
  owed: Promised,
  failedAt: number,
): Set<FailureCode> {
  const codes = new Set(owed.hopeless);
  for (const { url } of filesOf(lastSources(track))) {
    for (const code of served.blame(url)) codes.add(code);
  }
  if ((killed.get(track.id) ?? 0) >= maxReceiveCount) codes.add('worker_crashed');
  // What time might have fixed may be under way, once more, when the deadline comes.
  const isHopedFor = [...owed.hopeless].some((code) =>
    ['retry', 'ask-again'].includes(failures[code].disposition),
  );
  if (!owed.hadTime || isHopedFor) codes.add('expired');
  // From an hour before, to see the tries of which the last one failed.
  for (let time = failedAt - hour; time <= failedAt; time += hour / 12) {
    if (isOut(plan.outages, 'storage', time)) codes.add('storage_unavailable');
    if (isOut(plan.outages, 'database', time)) codes.add('database_unavailable');
  }
  return codes;
}

function checkTwice({ jobs }: TrackRow): string[] {
  const completed = jobs.filter(({ status }) => status === 'completed');
  const sources = completed.map((job) =>
    JSON.stringify([job.original_audio_url, job.original_cover_url, job.original_video_url]),
  );
  return new Set(sources).size === sources.length ? [] : ['the same files were archived twice'];
}
