import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, type TestContext, test } from 'vitest';
import { timings } from '../../core/timings.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { files, insertWholeTrack, readJob, readTrack, requestsFor } from '../lambdas/tracks.ts';
import { until } from '../support/until.ts';
import { deliverCases, redeliver } from './deliver-cases.ts';
import { type GroundOptions, startGround } from './ground.ts';
import { assertArchived, storedKinds } from './outcome.ts';

// A cluster of this file's own, since it crashes.
const postgres = await startPostgres();
process.env.TEST_POSTGRES_URL = postgres.url('postgres');
afterAll(postgres.stop);

test('a PostgreSQL that crashes in mid-copy and recovers costs the provider no second download', async (t) => {
  const ground = await startGround(t);
  const storage = async ({ isUpload }: { isUpload: boolean }) => {
    if (isUpload) await postgres.crash();
    return false;
  };
  const [staged] = await deliverCases(ground, [{ what: '', storage }]);
  await assertArchived(ground, staged, { what: '' });
});

/** A worker that dies of `sabotage` in mid-copy, and of `death` in Lambda's words; the next one goes on. */
async function assertSurvived(
  t: TestContext,
  sabotage: 'hang' | 'eat',
  death: RegExp,
  options: GroundOptions,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'track-archiver-test-'));
  t.onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'sabotage');
  const ground = await startGround(t, {
    ...options,
    environment: {
      PROVIDER_TIMEOUT_MS: '100000',
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'sabotage.ts'))}`,
      TEST_SABOTAGE: path,
    },
  });
  const track = await insertWholeTrack(ground, { audio: { kind: 'stalled', after: 5000 } });
  ground.send(track.id);
  await until(async () => {
    const job = await readJob(ground, track.id);
    return job?.storage_cover_url && job.storage_video_url;
  });
  await writeFile(path, sabotage);
  await ground.settled();
  assert.ok(ground.lines.some((line) => death.test(line)));
  assert.equal((await readJob(ground, track.id)).status, 'processing');
  assert.equal((await readTrack(ground, track.id)).archived_to_storage, false);
  assert.deepEqual(await storedKinds(ground, track), ['cover', 'video']);
  const delay = ((ground.message(track.id)?.visibleAt ?? 0) - ground.clock.now()) / 1000;
  assert.ok(delay > timings.lease && delay <= timings.crashRedelivery, String(delay));

  await rm(path);
  ground.provider.serve(track.urls.audio, files.audio);
  await redeliver(ground, track);
  assert.equal((await readTrack(ground, track.id)).archived_to_storage, true);
  assert.deepEqual(await storedKinds(ground, track), ['audio', 'cover', 'video']);
  for (const url of [track.urls.cover, track.urls.video]) assert.equal(requestsFor(ground, url), 1);
  assert.deepEqual(ground.deadLetters(track.id), []);
}

test('an invocation that hangs until Lambda’s time-out in mid-copy is followed by one that goes on', (t) =>
  // Fifteen seconds are kept to report: the copy has a few.
  assertSurvived(t, 'hang', /Sandbox.Timedout/, { timeoutSeconds: 25 }));

test('a worker that runs out of memory in mid-copy is followed by one that goes on', (t) =>
  assertSurvived(t, 'eat', /Runtime.ExitError.*signal: killed/, { memoryMegabytes: 256 }));
