import { Command, CommanderError, Option } from 'commander';
import { demoHosts } from '../provider/server.ts';

/** Wrong use of the command: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Addresses of a track of the user's own. */
export interface OwnTrack {
  audio: string;
  cover: string | undefined;
  video: string | undefined;
}

export interface StoryOptions {
  once: boolean;
  json: boolean;
  own: OwnTrack | undefined;
}

/** An address that the demo provider always has, to try `--audio` without the internet. */
export const demoAudio = `https://${demoHosts.suno}/demo.mp3`;

const after = `
Exit codes:
  0  every expectation held
  1  one did not hold, or the stack could not start
  2  wrong use: an unknown option, a bad URL, an incomplete environment

Environment, to use what runs already instead of starting it:
  SUPABASE_URL       with SUPABASE_SECRET_KEY and SUPABASE_DB_URL (as role postgres)
  AWS_ENDPOINT_URL   SQS, EventBridge Scheduler and Secrets Manager
Neither can be moved through time: with them, only --audio can be played.

For --json alone on standard output: npm start --silent -- --json --once

To try --audio without the internet: --audio ${demoAudio}`;

/** Parses the command line; throws a UsageError. `--help` prints and ends the process. */
export function parseOptions(argv: string[]): StoryOptions {
  const command = new Command('npm start --')
    .description(
      'Starts the whole system on this machine, plays fifteen days of a dozen tracks in about half a minute, and stays up for looking around (Ctrl-C ends).',
    )
    .option('--once', 'end after the summary instead of staying up', false)
    .option('--json', 'one JSON object a line, each with `event`; the last is the summary', false)
    .option('--audio <url>', 'archive a real address of your own instead of playing the story')
    .addOption(new Option('--cover <url>', 'its cover, with --audio'))
    .addOption(new Option('--video <url>', 'its video, with --audio'))
    .allowExcessArguments(false)
    .addHelpText('after', after)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  try {
    command.parse(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
  const { once, json, audio, cover, video } = command.opts<{
    once: boolean;
    json: boolean;
    audio?: string;
    cover?: string;
    video?: string;
  }>();
  if (audio === undefined) {
    if (cover !== undefined || video !== undefined) {
      throw new UsageError('--cover and --video go with --audio');
    }
    return { once, json, own: undefined };
  }
  return {
    once,
    json,
    own: {
      audio: checkedUrl('--audio', audio),
      cover: cover === undefined ? undefined : checkedUrl('--cover', cover),
      video: video === undefined ? undefined : checkedUrl('--video', video),
    },
  };
}

function checkedUrl(option: string, value: string): string {
  const url = URL.parse(value);
  const wrong = (what: string) => new UsageError(`${option} ${value}: ${what}`);
  if (url === null) throw wrong('this is no URL; it should look like https://host/song.mp3');
  if (url.protocol !== 'https:') throw wrong('only https addresses are archived');
  if (url.username !== '' || url.password !== '')
    throw wrong('an address must not carry a password');
  if (url.port !== '') throw wrong('an address must not name a port');
  if (!/^([a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(url.hostname)) {
    throw wrong('the host must be a full domain name');
  }
  return value;
}
