import assert from 'node:assert/strict';
import { test } from 'vitest';
import { timings } from '../../../core/timings.ts';
import { startFunction } from '../../../local/aws/lambda.ts';
import { moveClock } from '../../migrations/app.ts';
import { bundles } from '../../support/bundles.ts';
import { insertTrack } from '../tracks.ts';
import { startWorld } from '../world.ts';

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
const audio_url = 'https://cdn.provider.example/song.mp3?signature=very-secret';

test('the bundle writes its levels at every run, and nothing secret', async (t) => {
  const world = await startWorld(t);
  await world.database.query("update track_archiving_settings set installed_at = '2020-01-01Z'");
  const lines: string[] = [];
  const fn = startFunction({
    name: 'track-archiver-sweep',
    bundle: bundles.sweep ?? '',
    environment: { ...world.environment, POWERTOOLS_LOG_LEVEL: 'DEBUG' },
    memoryMegabytes: 256,
    timeoutSeconds: timings.sweepTimeout,
    maxConcurrency: 1,
    clock: world.clock,
    onLog: (line) => lines.push(line),
  });
  t.onTestFinished(() => fn.stop());
  const levels = async () => {
    lines.length = 0;
    await fn.invoke({});
    const metrics = lines.filter((line) => line.includes('"_aws"')).map((line) => JSON.parse(line));
    assert.equal(metrics.length, 1);
    const { TracksDue, TracksNearExpiry, TracksRecovered, TracksExpired, FilesLost } = metrics[0];
    return [TracksDue, TracksNearExpiry, TracksRecovered, TracksExpired, FilesLost];
  };

  assert.deepEqual(await levels(), [0, 0, 0, 0, 0]);
  await insertTrack(world, { audio_url, created_at: daysAgo(14) });
  const expired = await insertTrack(world, { audio_url, created_at: daysAgo(16) });
  await world.database.query(
    "select release_track_archiving(job_id, fencing_token, 'provider_timeout', '') from claim_track_archiving($1, 60, 'w')",
    [expired.id],
  );
  const saved = await insertTrack(world, { audio_url });
  await world.database.query(
    `insert into track_archiving_files (track_id, kind, source_url, storage_url, bucket_id, object_name, bytes, stored_at)
     values ($1, 'audio', $2, 'https://project.example/a', 'tracks-audio', 'a/a.mp3', 7, now())`,
    [saved.id, audio_url],
  );
  await moveClock(world.database, '1 hour');
  assert.deepEqual(await levels(), [1, 1, 2, 1, 1]);
  assert.deepEqual(await levels(), [1, 1, 0, 0, 0]);
  for (const secret of [world.gateway.keys.secret, 'very-secret', 'whsec_']) {
    assert.ok(!lines.some((line) => line.includes(secret)));
  }
});
