import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { assetKinds } from '../../core/assets.ts';
import { labelledMedia } from '../provider/media.ts';
import { demoHosts, type Provider } from '../provider/server.ts';
import type { Stack } from '../stack.ts';
import { type App, type AppTrack, createApp } from './app.ts';
import { type CastTrack, cast } from './cast.ts';
import { observe } from './observe.ts';
import type { Reporter } from './report.ts';

const day = 86_400_000;

/** A track of the cast, once it is on stage. */
export interface PlayedTrack extends AppTrack {
  part: CastTrack;
}

/**
 * Plays fifteen days: two users make the tracks of the cast, days pass, and on day fifteen the provider
 * deletes everything. `pace` is how long a day lasts for a person who follows, in milliseconds.
 */
export async function playFifteenDays(
  stack: Stack,
  report: Reporter,
  pace: number,
): Promise<PlayedTrack[]> {
  const app = createApp(stack.database);
  const users = [await app.signUp('anna'), await app.signUp('boris')];
  const tracks = await Promise.all(
    cast.map((part, index) => goOnStage(part, users[index % users.length] ?? '', stack.provider)),
  );

  const start = stack.clock.now();
  for (const track of tracks) await app.insert(track);
  report.day(0, new Date(start), `${tracks.length} tracks are made`);
  const follower = follow(stack, tracks, report);
  try {
    await Promise.all([stack.quiet(), wait(pace)]);
    for (let today = 1; today <= 15; today += 1) {
      // An hour into the day, so that what is due on it, flexible windows included, is due.
      await stack.clock.advanceTo(start + today * day + day / 24);
      const events = await happen(today, tracks, app, stack.provider);
      report.day(today, new Date(stack.clock.now()), events.join('; '));
      await stack.quiet();
      // Every hour where it is deployed; once a day is enough for what waits for day 13.
      await stack.functions.sweep.invoke({});
      await Promise.all([stack.quiet(), wait(pace)]);
      await follower.observeNow();
    }
  } finally {
    await follower.stop();
  }
  return tracks;
}

async function goOnStage(
  part: CastTrack,
  userId: string,
  provider: Provider,
): Promise<PlayedTrack> {
  const id = randomUUID();
  const addresses: (string | null)[] = [];
  for (const kind of assetKinds) {
    const own = part[kind];
    if (own === undefined) {
      addresses.push(null);
      continue;
    }
    const address = `https://${demoHosts[part.provider]}/${id}/${own.file}`;
    provider.serve(address, await labelledMedia(own.file, `${part.title} ${id}`), own.behaviour);
    addresses.push(address);
  }
  const [audioUrl = null, coverUrl = null, videoUrl = null] = addresses;
  const status = part.completedOn === undefined ? 'completed' : 'processing';
  const { title, provider: name, webhookLost = false } = part;
  const addressed = { audioUrl, coverUrl, videoUrl };
  return { part, id, userId, title, provider: name, status, webhookLost, ...addressed };
}

/** What users and providers do on a day; returns it in words. */
async function happen(
  today: number,
  tracks: PlayedTrack[],
  app: App,
  provider: Provider,
): Promise<string[]> {
  const events: string[] = [];
  for (const track of tracks) {
    if (track.part.completedOn === today) {
      await app.complete(track);
      events.push(`${track.title} is completed`);
    }
    if (track.part.deletedOn === today) {
      await app.remove(track);
      events.push(`${track.title} is deleted by its user`);
    }
  }
  if (today === 13) events.push('archiving is due');
  if (today === 15) {
    provider.deleteEverything();
    events.push('the provider deletes everything');
  }
  return events;
}

/** Reports the tracks' states over and over until stopped; `stop` rejects if that failed. `observeNow` does it now. */
function follow(
  stack: Stack,
  tracks: PlayedTrack[],
  report: Reporter,
): { observeNow: () => Promise<void>; stop: () => Promise<void> } {
  let stopped = false;
  const observeNow = async () => {
    const states = await observe(stack.database, tracks);
    report.tracks(
      states.flatMap((track, index) => {
        const about = tracks[index]?.part.about;
        return about === undefined ? [] : [{ track, about }];
      }),
    );
  };
  const running = (async () => {
    while (!stopped) {
      await observeNow();
      await wait(150);
    }
    await observeNow();
  })();
  running.catch(() => {});
  return {
    observeNow,
    stop: () => {
      stopped = true;
      return running;
    },
  };
}
