import { assetKinds, isOptional } from '../../core/assets.ts';
import { type FailureCode, failures } from '../../core/failure.ts';
import { maxReceiveCount } from '../../core/timings.ts';
import { isOut } from './disturbances.ts';
import { type Gathered, hashOf, type TrackRow } from './gather.ts';
import { hour } from './lifetimes.ts';
import { isSavable, lastSources, type Promised, promised } from './promise.ts';
import { bytesOf, filesOf } from './serve.ts';
import type { PlannedTrack } from './tracks.ts';
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
    if (ending === 'open')
      findings.push(`it is neither archived nor failed: job ${latest?.status}`);
    if (ending === 'archived') findings.push(...checkFiles(world, gathered, track, row));
    if (ending === 'failed') findings.push(...checkFailure(world, track, row, owed));
    findings.push(...checkTwice(row));
  }
  const isOwed = isSavable(owed);
  if (isOwed && (ending === 'failed' || ending === 'open')) {
    findings.unshift('LOST: it could have been saved');
  }
  const lateness =
    ending === 'archived' && row?.archived_at
      ? row.archived_at.getTime() - world.dateOf(track.deadline).getTime()
      : undefined;
  if (isOwed && lateness !== undefined && lateness > 0)
    findings.unshift('LATE: after its deadline');
  const code = ending === 'failed' ? (latest?.error_code ?? undefined) : undefined;
  return { track, ending, promised: owed, code, lateness, findings };
}

function endingOf(track: PlannedTrack, row: TrackRow | undefined): Ending {
  if (row === undefined) return 'deleted';
  if (row.archived_to_storage) return 'archived';
  if (track.completedAt === undefined) return 'never completed';
  return row.jobs.at(-1)?.status === 'failed' ? 'failed' : 'open';
}

/** Each present file is in Storage under the track's own name, byte for byte, or the provider said that it is gone. */
function checkFiles(
  { served }: Evidence,
  { objects }: Gathered,
  track: PlannedTrack,
  row: TrackRow,
): string[] {
  const sources = lastSources(track);
  return assetKinds.flatMap((kind) => {
    const stored = row[`storage_${kind}_url`];
    const asset = sources[kind];
    if (asset === null || typeof asset === 'string') {
      // The copy of a file whose address the app took away stays.
      const wasThere = track.sources.some((earlier) => earlier[kind] !== asset);
      return stored === null || wasThere ? [] : [`its ${kind} is stored, and there never was one`];
    }
    if (stored === null) {
      const isGone = isOptional(kind) && served.blame(asset.url).has('provider_gone');
      return isGone ? [] : [`its ${kind} is missing`];
    }
    const place = placeOf(stored);
    if (place?.split('/')[2]?.split('.')[0] !== track.id) return [`its ${kind} is at ${stored}`];
    const found = objects.get(place);
    if (found === undefined) return [`its ${kind} is not in Storage`];
    return found === hashOf(bytesOf(asset)) ? [] : [`its ${kind} has other bytes than its source`];
  });
}

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
  const isHopedFor = [...owed.hopeless].some((code) => failures[code].disposition === 'retry');
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
