import assert from 'node:assert/strict';
import { type AssetKind, assetKinds, buckets } from '../../core/assets.ts';
import { type FailureCode, failures } from '../../core/failure.ts';
import { archiveMessage } from '../../core/message.ts';
import { maxTries } from '../../core/retry.ts';
import { files, readJob, readTrack, type Track } from '../lambdas/tracks.ts';
import type { DeliveredCase } from './case.ts';
import type { Ground } from './ground.ts';

/** A track that is on its way to its outcome. */
export interface Staged extends Track {
  /** Part of every address of the track at the provider. */
  mark: string;
  /** When its message was sent, by the ground's clock. */
  sentAt: number;
}

/** Requests that the provider saw for a track's audio. */
export const audioRequests = ({ provider }: Ground, { mark }: Staged): number =>
  provider.requests.filter(({ url }) => url.includes(`/${mark}/audio`)).length;

/** Which of a track's files Storage has; all that it has must be what the provider served, or what is expected instead. */
export async function storedKinds(
  ground: Ground,
  { id, userId }: Track,
  holds: DeliveredCase['holds'] = {},
): Promise<AssetKind[]> {
  const rows = await ground.database.query(
    'select bucket_id, name from storage.objects where starts_with(name, $1)',
    [`${userId}/${id}`],
  );
  const kinds: AssetKind[] = [];
  for (const kind of assetKinds) {
    const name = rows.find(({ bucket_id }) => bucket_id === buckets[kind].id)?.name;
    if (name === undefined) continue;
    const url = `${ground.gateway.url}/storage/v1/object/public/${buckets[kind].id}/${name}`;
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    assert.ok(bytes.equals(holds[kind] ?? files[kind]), `the ${kind} in Storage is another`);
    kinds.push(kind);
  }
  assert.equal(rows.length, kinds.length);
  return kinds;
}

/** The track shows nothing as archived; of one that failed for good, what could be saved. */
async function assertNotArchived(ground: Ground, staged: Staged, shows: readonly AssetKind[]) {
  const row = await readTrack(ground, staged.id);
  assert.equal(row.archived_to_storage, false);
  assert.equal(row.archived_at, null);
  assert.deepEqual(
    assetKinds.filter((kind) => row[`storage_${kind}_url`] !== null),
    shows,
  );
}

async function assertReason(ground: Ground, staged: Staged, status: string, code: FailureCode) {
  const job = await readJob(ground, staged.id);
  assert.deepEqual([job.status, job.error_code], [status, code], job.error_message);
  assert.ok(job.error_message.length > 5);
  assert.doesNotMatch(job.error_message, /very-secret/);
  return job;
}

/** Tried by the retry policy, and now the queue's. */
async function assertRetried(
  ground: Ground,
  staged: Staged,
  code: FailureCode,
  { delay = 60, slack = 1 }: DeliveredCase,
): Promise<void> {
  await assertReason(ground, staged, 'pending', code);
  assert.deepEqual(ground.deadLetters(staged.id), []);
  const visibleAt = ground.message(staged.id)?.visibleAt ?? 0;
  const now = ground.clock.now();
  assert.ok(
    visibleAt >= staged.sentAt + (delay - slack) * 1000 && visibleAt <= now + delay * 1000,
    `visible again in ${(visibleAt - now) / 1000} s`,
  );
}

/** In the dead-letter queue with its reason, and its owner told. */
async function assertGivenUp(
  ground: Ground,
  staged: Staged,
  code: FailureCode,
  { letters = 1 }: DeliveredCase,
): Promise<void> {
  const job = await assertReason(ground, staged, 'failed', code);
  assert.equal(ground.message(staged.id), undefined);
  const letter = {
    body: archiveMessage(staged.id, 'schedule'),
    attributes: { code, reason: job.error_message, trackId: staged.id },
  };
  assert.deepEqual(ground.deadLetters(staged.id), Array(letters).fill(letter));
  const told = await ground.database.query('select from public.notifications where user_id = $1', [
    staged.userId,
  ]);
  assert.equal(told.length, 1);
}

/** A cover or video that is not to be had for good: the track is archived, and says why the file is missing. */
export async function assertRefused(
  ground: Ground,
  staged: Staged,
  code: FailureCode,
  expected: DeliveredCase,
): Promise<void> {
  await assertArchived(ground, staged, expected);
  const kind = expected.cover === undefined ? 'video' : 'cover';
  const [file] = await ground.database.query(
    'select * from public.track_archiving_files where track_id = $1 and kind = $2',
    [staged.id, kind],
  );
  assert.deepEqual([file.error_code, file.storage_url], [code, null]);
  const row = await readTrack(ground, staged.id);
  assert.equal(row[`storage_${kind}_url`], null);
  const job = await readJob(ground, staged.id);
  assert.deepEqual([job.status, job.error_code], ['completed', null]);
  assert.partialDeepStrictEqual(job.metadata.assets[kind], { gone: true, code });
  const told = await ground.database.query('select from public.notifications where user_id = $1', [
    staged.userId,
  ]);
  assert.equal(told.length, 0, 'the song is safe');
}

/** A cover or video that was refused once: the song is safe and shown, and the sweep has the track for a second look. */
export async function assertSecondLook(
  ground: Ground,
  staged: Staged,
  code: FailureCode,
  expected: DeliveredCase,
): Promise<void> {
  await assertNotArchived(ground, staged, expected.stored ?? []);
  await assertReason(ground, staged, 'pending', code);
  assert.equal(ground.message(staged.id), undefined);
  assert.deepEqual(ground.deadLetters(staged.id), []);
  const kind = expected.cover === undefined ? 'video' : 'cover';
  const [file] = await ground.database.query(
    'select * from public.track_archiving_files where track_id = $1 and kind = $2',
    [staged.id, kind],
  );
  assert.deepEqual([file.error_code, file.storage_url], [null, null]);
  assert.ok(file.first_refused_at instanceof Date);
}

/** The whole outcome of a case: job row, the message's settlement, the provider's requests, Storage. */
export async function assertFailed(
  ground: Ground,
  staged: Staged,
  code: FailureCode,
  expected: DeliveredCase,
): Promise<void> {
  const { disposition } = failures[code];
  const isRetried = disposition === 'retry';
  await assertNotArchived(
    ground,
    staged,
    isRetried ? [] : (expected.shows ?? expected.stored ?? []),
  );
  const isAskedAgain = disposition === 'ask-again' && expected.final === undefined;
  if (isRetried || isAskedAgain) await assertRetried(ground, staged, code, expected);
  else await assertGivenUp(ground, staged, code, expected);
  const asked = typeof expected.url === 'string' || expected.url === null ? 0 : 1;
  const usual = asked * (isRetried ? maxTries : 1);
  assert.equal(audioRequests(ground, staged), expected.requests ?? usual, 'requests');
  if (expected.connections !== undefined) {
    const [host, count] = expected.connections;
    assert.equal(ground.trouble.connections(host), count, `connections to ${host}`);
  }
  const stored = await storedKinds(ground, staged, expected.holds);
  assert.deepEqual(stored, expected.stored ?? []);
}

/** What went wrong was recovered on the way. */
export async function assertArchived(
  ground: Ground,
  staged: Staged,
  expected: DeliveredCase,
): Promise<void> {
  const row = await readTrack(ground, staged.id);
  assert.equal(row.archived_to_storage, true, (await readJob(ground, staged.id))?.error_message);
  assert.equal(ground.message(staged.id), undefined);
  assert.deepEqual(ground.deadLetters(staged.id), []);
  assert.equal(audioRequests(ground, staged), expected.requests ?? 1, 'requests');
  assert.deepEqual(await storedKinds(ground, staged), expected.stored ?? ['audio']);
}
