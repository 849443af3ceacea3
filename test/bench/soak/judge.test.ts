import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type Gathered, hashOf, type JobRow, type TrackRow } from '../../../bench/soak/gather.ts';
import { type Evidence, judge } from '../../../bench/soak/judge.ts';
import { makePlan } from '../../../bench/soak/plan.ts';
import { promised } from '../../../bench/soak/promise.ts';
import { bytesOf } from '../../../bench/soak/serve.ts';
import type { PlannedFile, PlannedTrack } from '../../../bench/soak/tracks.ts';
import type { AssetKind } from '../../../core/assets.ts';
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

const job = (changes: Partial<JobRow> = {}): JobRow => ({
  status: 'completed',
  error_code: null,
  original_audio_url: 'a',
  original_cover_url: null,
  original_video_url: null,
  metadata: {},
  updated_at: at(0),
  ...changes,
});

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
    told: 0,
    ...changes,
  };
  return { tracks: new Map([[track.id, row]]), objects };
}

const failed = (track: PlannedTrack, code: string, told = 1) =>
  archived(track, {
    archived_to_storage: false,
    jobs: [job({ status: 'failed', error_code: code })],
    told,
  });

const findingsOf = (gathered: Gathered, track = savable, blamed: FailureCode[] = []) =>
  judge(evidence(blamed), gathered, track).findings;

test('an archived track with its own bytes is as it should be', () => {
  assert.deepEqual(findingsOf(archived(savable)), []);
});

test('a track that could have been saved and failed, is open or is late is named so', () => {
  assert.match(findingsOf(failed(savable, 'provider_reset'))[0] ?? '', /^LOST/);
  const jobs = [job({ status: 'pending' })];
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
  const bare = archived(savable, { storage_cover_url: null });
  assert.deepEqual(findingsOf(bare), ['its cover is missing']);
  assert.deepEqual(findingsOf(bare, savable, ['provider_gone']), []);
});

test('a reason must be one that befell the track, and its owner must know it, once', () => {
  const untrue = failed(hopeless, 'provider_timeout');
  assert.deepEqual(findingsOf(failed(hopeless, 'media_unrecognised'), hopeless), []);
  assert.deepEqual(findingsOf(untrue, hopeless), ['it did not fail for provider_timeout']);
  assert.deepEqual(findingsOf(untrue, hopeless, ['provider_timeout']), []);
  for (const [told, finding] of [
    [0, 'its owner was not told'],
    [2, 'its owner was told 2 times'],
  ] as const) {
    assert.deepEqual(findingsOf(failed(hopeless, 'media_unrecognised', told), hopeless), [finding]);
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
