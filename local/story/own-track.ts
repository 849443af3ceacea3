import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type FailureCode, failures } from '../../core/failure.ts';
import { labelledMedia } from '../provider/media.ts';
import { allowHost } from '../stack/database.ts';
import type { Stack } from '../stack.ts';
import { createApp } from './app.ts';
import type { Expectation } from './expectation.ts';
import { observe, type TrackState } from './observe.ts';
import { demoAudio, type OwnTrack } from './options.ts';
import type { Reporter } from './report.ts';

/** Archives an address of the user's own through the whole path, jumping over every wait. */
export async function archiveOwnTrack(
  stack: Stack,
  own: OwnTrack,
  report: Reporter,
): Promise<Expectation[]> {
  for (const url of [own.audio, own.cover, own.video]) {
    if (url !== undefined) await allowHost(stack.database, '*', new URL(url).hostname);
  }
  stack.provider.serve(demoAudio, await labelledMedia('song.mp3', 'demo'));
  const app = createApp(stack.database);
  const track = {
    id: randomUUID(),
    userId: await app.signUp('you'),
    title: 'Your track',
    provider: null,
    status: 'completed' as const,
    audioUrl: own.audio,
    coverUrl: own.cover ?? null,
    videoUrl: own.video ?? null,
    // Where days cannot be skipped, the track is as old as one that is due.
    ...(stack.limitations.length === 0 ? {} : { daysOld: 13 }),
  };
  await app.insert(track);
  report.progress(`Archiving ${own.audio}`);
  for (const inserted = Date.now(); ; ) {
    const [state] = await observe(stack.database, [track]);
    if (state === undefined) throw new Error('The track is gone.');
    report.tracks([{ track: state, about: own.audio }]);
    if (state.state === 'archived') return await describeFiles(stack, track.id);
    if (state.state === 'failed') return [describeFailure(state)];
    if (state.state === 'completed' && Date.now() - inserted > patience) return [unheard];
    await wait(150);
    if (stack.limitations.length === 0) await skipWait(stack);
  }
}

/** Milliseconds until a track that nobody has heard of is given up. */
const patience = 30_000;

const unheard: Expectation = {
  expected: 'your track is archived',
  found:
    'the webhook did not arrive at the function URL. What to do: look into net._http_response in the database.',
  held: false,
};

/** Jumps to the next thing that waits for its time: the schedule, or a retry. */
async function skipWait(stack: Stack): Promise<void> {
  await stack.quiet();
  const next = stack.clock.next();
  if (next !== undefined) await stack.clock.advanceTo(next);
}

async function describeFiles(stack: Stack, trackId: string): Promise<Expectation[]> {
  const { rows } = await stack.database.query<{
    asset: string;
    url: string | null;
    bytes: string | null;
    sha256: string | null;
    code: string | null;
  }>(
    `select asset.key as asset, asset.value->>'bytes' as bytes, asset.value->>'sha256' as sha256,
            asset.value->>'code' as code,
            case asset.key when 'audio' then t.storage_audio_url when 'cover' then t.storage_cover_url
                           else t.storage_video_url end as url
     from public.tracks t
     join public.track_archiving_jobs j on j.track_id = t.id and j.status = 'completed',
     jsonb_each(j.metadata->'assets') as asset where t.id = $1`,
    [trackId],
  );
  return rows.map(({ asset, url, bytes, sha256, code }) => ({
    expected: `your ${asset} is archived`,
    found:
      url === null ? `gone at its provider (${code})` : `${url}, ${bytes} bytes, sha256 ${sha256}`,
    held: url !== null,
  }));
}

function describeFailure({ errorCode, errorMessage }: TrackState): Expectation {
  const known = errorCode !== null && errorCode in failures;
  const advice = known ? ` What to do: ${failures[errorCode as FailureCode].operator}` : '';
  return {
    expected: 'your track is archived',
    found: `${errorCode}: ${errorMessage}.${advice}`,
    held: false,
  };
}
