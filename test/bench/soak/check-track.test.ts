import assert from 'node:assert/strict';
import { test } from 'vitest';
import { checkTrack, type Evidence } from '../../../bench/soak/check-track.ts';
import {
  type FileRow,
  type Gathered,
  hashOf,
  type JobRow,
  type TrackRow,
} from '../../../bench/soak/gather.ts';
import { makePlan } from '../../../bench/soak/plan.ts';
import { promised } from '../../../bench/soak/promise.ts';
import { bytesOf } from '../../../bench/soak/serve.ts';
import type { PlannedFile, PlannedTrack, Sources } from '../../../bench/soak/tracks.ts';
import { type AssetKind, assetKinds } from '../../../core/assets.ts';
import type { FailureCode } from '../../../core/failure.ts';

const plan = makePlan(42, 3000);
const beginning = Date.UTC(2026, 0, 1);
const at = (time: number) => new Date(beginning + time);
const evidence = (blamed: FailureCode[] = []): Evidence => ({
  plan,
  served: { blame: () => new Set(blamed), wholes: () => 1 },
  dateOf: at,
  killed: new Map(),
  mail: { lost: new Set() },
});

/** A track that nobody changed, deleted or left unfinished. */
function find(what: (track: PlannedTrack) => boolean): PlannedTrack {
  const found = plan.tracks.find(
    (track) =>
      track.deletedAt === undefined &&
      track.completedAt !== undefined &&
      track.sources.length === 1 &&
      what(track),
  );
  assert.ok(found);
  return found;
}
const savable = find((track) => {
  const { hopeless, hadTime } = promised(track, plan, true);
  return hopeless.size === 0 && hadTime && track.sources[0]?.cover !== null;
});
const hopeless = find((track) => {
  const codes = promised(track, plan, true).hopeless;
  return codes.has('media_unrecognised') && typeof track.sources[0]?.audio === 'object';
});

const coverFault = (sources: Sources | undefined): FailureCode | undefined => {
  const cover = sources?.cover;
  const isBroken = typeof cover === 'object' && cover?.fault?.requests === Number.POSITIVE_INFINITY;
  return isBroken ? cover.fault?.code : undefined;
};
const gonePlan = find(
  (track) =>
    coverFault(track.sources[0]) === 'provider_gone' &&
    promised(track, plan, true).hopeless.size === 0,
);

const job = (changes: Partial<JobRow> = {}): JobRow => ({
  status: 'completed',
  next_check_at: null,
  error_code: null,
  original_audio_url: 'a',
  original_cover_url: null,
  original_video_url: null,
  metadata: {},
  updated_at: at(0),
  ...changes,
});

/** What the record says of a file that was copied, or was refused. */
function stands(track: PlannedTrack, kind: AssetKind, error_code: string | null = null): FileRow {
  const file = track.sources[0]?.[kind];
  const copied_from =
    file === null || typeof file !== 'object' || error_code !== null ? null : file.url;
  return { kind, copied_from, error_code, stored_at: copied_from === null ? null : at(0) };
}

/** The track as it should be when it is archived, with `changes`. */
function archived(track: PlannedTrack, changes: Partial<TrackRow> = {}): Gathered {
  const objects = new Map<string, string>();
  const store = (kind: AssetKind) => {
    const file = track.sources[0]?.[kind] as PlannedFile | null;
    if (file === null) return null;
    const place = `tracks-${kind}/${track.userId}/${track.id}.bin`;
    objects.set(place, hashOf(bytesOf(file)));
    return `http://127.0.0.1/storage/v1/object/public/${place}`;
  };
  const row: TrackRow = {
    id: track.id,
    status: 'completed',
    archived_to_storage: true,
    storage_audio_url: store('audio'),
    storage_cover_url: store('cover'),
    storage_video_url: store('video'),
    archived_at: at(track.dueAt),
    jobs: [job()],
    files: assetKinds.map((kind) => stands(track, kind)),
    notified: 0,
    notifiedSaved: 0,
    ...changes,
  };
  return { tracks: new Map([[track.id, row]]), objects };
}

const failed = (track: PlannedTrack, code: string, notified = 1) =>
  archived(track, {
    archived_to_storage: false,
    jobs: [job({ status: 'failed', error_code: code })],
    notified,
  });

const findingsOf = (gathered: Gathered, track = savable, blamed: FailureCode[] = []) =>
  checkTrack(evidence(blamed), gathered, track).findings;

test('an archived track with its own bytes is as it should be', () => {
  assert.deepEqual(findingsOf(archived(savable)), []);
});

test('a track that could have been saved and failed, is open or is late is named so', () => {
  assert.match(findingsOf(failed(savable, 'provider_reset'))[0] ?? '', /^LOST/);
  const jobs = [job({ status: 'pending', next_check_at: at(0) })];
  const open = archived(savable, { archived_to_storage: false, jobs });
  assert.match(findingsOf(open)[0] ?? '', /^LOST/);
  const late = archived(savable, { archived_at: at(savable.deadline + 1) });
  assert.match(findingsOf(late)[0] ?? '', /^LATE/);
});

test("other bytes, a missing object, another track's object and a missing file are found", () => {
  const other = archived(savable);
  for (const place of other.objects.keys()) other.objects.set(place, 'ff');
  assert.match(findingsOf(other)[0] ?? '', /other bytes/);
  assert.match(findingsOf({ ...archived(savable), objects: new Map() })[0] ?? '', /not in Storage/);
  const storage_audio_url = archived(hopeless).tracks.get(hopeless.id)?.storage_audio_url ?? '';
  assert.match(findingsOf(archived(savable, { storage_audio_url }))[0] ?? '', /its audio is at/);
});

test('a cover may only be missing for a reason that is recorded and true, and if it could not be saved', () => {
  const without = (track: PlannedTrack, code: string | null) =>
    archived(track, {
      storage_cover_url: null,
      files: assetKinds.map((kind) => stands(track, kind, kind === 'cover' ? code : null)),
    });
  const gone = gonePlan;
  assert.deepEqual(findingsOf(without(gone, 'provider_gone'), gone, ['provider_gone']), []);
  for (const code of ['provider_refused', null]) {
    assert.match(
      findingsOf(without(gone, code), gone, ['provider_gone'])[0] ?? '',
      /its cover is missing/,
    );
  }
  const served = without(savable, 'provider_gone');
  assert.match(findingsOf(served, savable, ['provider_gone'])[0] ?? '', /^LOST: its cover/);
  const never = find(({ sources: [first] }) => coverFault(first) === 'provider_unavailable');
  assert.deepEqual(findingsOf(without(never, 'expired'), never), []);
});

test('a copy of a former address may stand where the new one is not to be had, and is found elsewhere', () => {
  const [first] = gonePlan.sources;
  const [next] = savable.sources;
  assert.ok(first && next);
  // The gone cover is the later one, of a track that had another before.
  const track = { ...gonePlan, sources: [{ ...first, cover: next.cover }, first] };
  const former = (code: string | null) => {
    const gathered = archived(track);
    const row = gathered.tracks.get(track.id);
    assert.ok(row);
    for (const file of row.files) if (file.kind === 'cover') file.error_code = code;
    return gathered;
  };
  assert.deepEqual(findingsOf(former('provider_gone'), track, ['provider_gone']), []);
  assert.match(findingsOf(former(null), track, ['provider_gone'])[0] ?? '', /its cover is missing/);
});

test('an owner who was told that a track is lost is told that it is saved', () => {
  assert.match(findingsOf(archived(savable, { notified: 1 }))[0] ?? '', /still believes/);
  assert.deepEqual(findingsOf(archived(savable, { notified: 1, notifiedSaved: 1 })), []);
});

test('a reason must be one that befell the track, and its owner must know it, once', () => {
  const untrue = failed(hopeless, 'provider_timeout');
  assert.deepEqual(findingsOf(failed(hopeless, 'media_unrecognised'), hopeless), []);
  assert.deepEqual(findingsOf(untrue, hopeless), ['it did not fail for provider_timeout']);
  assert.deepEqual(findingsOf(untrue, hopeless, ['provider_timeout']), []);
  for (const [notified, finding] of [
    [0, 'its owner was not notified'],
    [2, 'its owner was notified 2 times'],
  ] as const) {
    assert.deepEqual(findingsOf(failed(hopeless, 'media_unrecognised', notified), hopeless), [
      finding,
    ]);
  }
});

test('the same files archived twice, and a track that vanished, are found', () => {
  const twice = archived(savable, { jobs: [job(), job()] });
  assert.deepEqual(findingsOf(twice), ['the same files were archived twice']);
  const nothing = { tracks: new Map(), objects: new Map() };
  assert.deepEqual(findingsOf(nothing), ['it is not in the database']);
  const deleted = plan.tracks.find((track) => track.deletedAt !== undefined);
  assert.deepEqual(findingsOf(nothing, deleted), []);
});
