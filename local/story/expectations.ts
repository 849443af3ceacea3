import { createHash } from 'node:crypto';
import type { AssetKind } from '../../core/assets.ts';
import type { DeadLetter } from '../stack/aws-resources.ts';
import type { Stack } from '../stack.ts';
import { type Expectation, expectation } from './expectation.ts';
import { observe, type TrackState } from './observe.ts';
import type { PlayedTrack } from './play.ts';

/** Checks what is left on day fifteen, from outside: Storage by its public addresses, SQS and Scheduler by their APIs. */
export async function checkExpectations(
  stack: Stack,
  tracks: PlayedTrack[],
): Promise<Expectation[]> {
  const states = await observe(stack.database, tracks);
  const deadLetters = await stack.deadLetters();
  const results: Expectation[] = [];
  for (const [index, track] of tracks.entries()) {
    const state = states[index];
    if (state === undefined) continue;
    if (track.part.ends === 'archived') results.push(await checkArchived(stack, track, state));
    else if (track.part.ends === 'deleted') results.push(checkDeleted(stack, track, state));
    else {
      const letter = deadLetters.findLast(({ trackId }) => trackId === track.id);
      results.push(await checkLost(stack, track, state, letter));
    }
  }
  const failed = tracks.filter(({ part }) => !['archived', 'deleted'].includes(part.ends));
  const statuses = await Promise.all(
    tracks.flatMap(({ audioUrl }) => (audioUrl === null ? [] : stack.provider.statusOf(audioUrl))),
  );
  results.push(
    expectation(
      'the dead-letter queue holds the failed tracks and nothing else',
      // What a sweep asked for again and in vain has a dead letter of each time.
      `messages of ${new Set(deadLetters.map(({ trackId }) => trackId)).size} tracks`,
      `messages of ${failed.length} tracks`,
    ),
    expectation(
      'no schedule is left over',
      `${(await stack.scheduleNames()).length} schedules`,
      '0 schedules',
    ),
    expectation(
      'every address at the providers answers 410 Gone',
      [...new Set(statuses)].join(', '),
      '410',
    ),
  );
  return results;
}

async function checkArchived(
  stack: Stack,
  track: PlayedTrack,
  state: TrackState,
): Promise<Expectation> {
  const expected = `${track.title} (${track.part.about}) is in Storage, byte for byte`;
  if (state.state !== 'archived') {
    const why = [state.errorCode, state.errorMessage].filter(Boolean).join(': ');
    return { expected, found: `${state.state} ${why}`.trim(), held: false };
  }
  const { rows } = await stack.database.query<Record<AssetKind, string | null>>(
    `select storage_audio_url as audio, storage_cover_url as cover, storage_video_url as video
     from public.tracks where id = $1`,
    [track.id],
  );
  const originals = { audio: track.audioUrl, cover: track.coverUrl, video: track.videoUrl };
  const found: string[] = [];
  let held = true;
  for (const kind of ['audio', 'cover', 'video'] as const) {
    const original = originals[kind];
    const gone = track.part[kind]?.behaviour?.kind === 'status';
    const stored = rows[0]?.[kind] ?? null;
    if (original === null && stored === null) continue;
    if (gone) {
      found.push(`${kind} ${stored === null ? 'gone' : 'stored although gone'}`);
      held &&= stored === null;
      continue;
    }
    const result = await compare(
      stored,
      original === null ? undefined : stack.provider.served(original),
    );
    found.push(`${kind} ${result}`);
    held &&= result.startsWith('identical');
  }
  const flaky = track.part.audio.behaviour;
  if (flaky?.kind === 'flaky') {
    const asked = stack.provider.requests.filter(({ url }) => url === track.audioUrl).length;
    found.push(`audio asked for ${asked} times`);
    held &&= asked === flaky.failures + 1;
  }
  return { expected, found: found.join(', '), held };
}

async function compare(stored: string | null, original: Buffer | undefined): Promise<string> {
  if (stored === null) return 'is not stored';
  const response = await fetch(stored);
  if (!response.ok) return `answers ${response.status}`;
  const bytes = Buffer.from(await response.arrayBuffer());
  if (original === undefined || !bytes.equals(original)) return 'differs';
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  return `identical (${bytes.length} bytes, sha256 ${digest}…)`;
}

function checkDeleted(stack: Stack, track: PlayedTrack, state: TrackState): Expectation {
  const asked = stack.provider.requests.filter(({ url }) => url.includes(track.id)).length;
  return expectation(
    `${track.title} (${track.part.about}) is never fetched`,
    `${state.state}, ${asked} requests`,
    'deleted, 0 requests',
  );
}

async function checkLost(
  stack: Stack,
  track: PlayedTrack,
  state: TrackState,
  letter: DeadLetter | undefined,
): Promise<Expectation> {
  const { rowCount } = await stack.database.query(
    'select from public.notifications where user_id = $1 and link like $2',
    [track.userId, `%${track.id}`],
  );
  const notified = rowCount === 1 ? 'owner notified' : `${rowCount} notifications`;
  return {
    expected: `${track.title} (${track.part.about}) is in the dead-letter queue with its reason, its owner notified`,
    found: `${state.state}, ${letter?.code ?? 'no message'} (${letter?.reason}), ${notified}`,
    held: state.state === 'failed' && letter?.code === track.part.ends && rowCount === 1,
  };
}
