import assert from 'node:assert/strict';
import { test } from 'vitest';
import { timings } from '../../../core/timings.ts';
import { startFunction } from '../../../local/aws/lambda.ts';
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
    const { TracksDue, TracksNearExpiry, TracksRecovered, TracksExpired } = metrics[0];
    return [TracksDue, TracksNearExpiry, TracksRecovered, TracksExpired];
  };

  assert.deepEqual(await levels(), [0, 0, 0, 0]);
  await insertTrack(world, { audio_url, created_at: daysAgo(14) });
  const expired = await insertTrack(world, { audio_url, created_at: daysAgo(16) });
  await world.database.query(
    "select fail_track_archiving(job_id, fencing_token, 'provider_gone', '404') from claim_track_archiving($1, 60, 'w')",
    [expired.id],
  );
  assert.deepEqual(await levels(), [1, 1, 1, 1]);
  for (const secret of [world.gateway.keys.secret, 'very-secret', 'whsec_']) {
    assert.ok(!lines.some((line) => line.includes(secret)));
  }
});
