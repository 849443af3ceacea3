import { awsMonth, supabaseMonth } from '../../infra/cost/estimate.ts';
import { usage } from '../../infra/cost/usage.ts';
import type { App } from './app.ts';
import { ok, type PreflightCheck, warning } from './check.ts';
import { toFetch } from './provider-checks.ts';
import { isDone } from './status-check.ts';
import { amount } from './words.ts';

const sum = (app: App, of: (group: App['groups'][number]) => number): number =>
  app.groups.filter(({ status }) => isDone(status)).reduce((total, group) => total + of(group), 0);

/** Tracks that are neither archived nor, by their policy, gone. */
const waiting = (app: App): number =>
  Math.max(
    0,
    sum(app, ({ withSong, archived, expired }) => withSong - archived - expired),
  );

export const deadlinesCheck: PreflightCheck = {
  name: 'tracks can still be saved',
  run(app) {
    const { share } = app.sample;
    const shown = (count: number) => amount(count, share);
    const urgent = sum(app, (group) => group.urgent);
    const expired = sum(app, (group) => group.expired);
    const text = `${shown(waiting(app))} wait to be archived, ${shown(sum(app, ({ due }) => due))} of them are due; ${shown(urgent)} expire within a day, ${shown(expired)} have expired`;
    if (urgent > 0) return warning(text, 'connect today: these are archived first');
    if (expired > 0) {
      return ok(`${text}: those are left alone, and nobody is told`);
    }
    return ok(text);
  },
};

/** Archive Lambdas at once, as the stack has it where nobody set another number. */
const lambdas = 5;

export const forecastCheck: PreflightCheck = {
  name: 'what to expect',
  run(app) {
    const songs = sum(app, ({ withSong }) => withSong);
    const recent = sum(app, (group) => group.recent);
    const now = waiting(app);
    const files = filesPerTrack(app, songs);
    const gigabytes =
      (now *
        (usage.megabytes.audio * files.audio +
          usage.megabytes.cover * files.cover +
          usage.megabytes.video * files.video)) /
      1000;
    const hours = (now * usage.archiveSeconds) / lambdas / 3600;
    const dollars = (tracks: number, months: number) =>
      [...awsMonth(tracks, files), ...supabaseMonth(tracks, months, files)]
        .reduce((total, line) => total + line.dollars, 0)
        .toLocaleString('en-US', { maximumFractionDigits: 0 });
    return ok(
      `about ${round(gigabytes)} GB for what waits, ${round(hours)} hours of copying if all were due at once; $${dollars(Math.max(now, recent), 1)} the first month, $${dollars(recent, 12)} the twelfth, at ${amount(recent, app.sample.share)} tracks a month`,
      [
        `reckoned with ${usage.megabytes.audio} MB a song, ${usage.megabytes.cover} MB a cover, ${usage.megabytes.video} MB a video (${round(files.audio)}, ${round(files.cover)}, ${round(files.video)} a track), ${lambdas} archive Lambdas, list prices; docs/deploy.md has the table`,
      ],
    );
  },
};

const round = (number: number): string =>
  number.toLocaleString('en-US', { maximumFractionDigits: number < 10 ? 1 : 0 });

function filesPerTrack(app: App, songs: number): Record<'audio' | 'cover' | 'video', number> {
  const of = (wanted: string) =>
    songs === 0
      ? 1
      : toFetch(app)
          .filter(({ kind }) => kind === wanted)
          .reduce((total, { files }) => total + files, 0) / songs;
  return { audio: of('audio'), cover: of('cover'), video: of('video') };
}
