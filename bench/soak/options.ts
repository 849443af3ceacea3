import { parseArgs } from 'node:util';

export const help = `Usage: npm run soak -- [options]

Sends tracks through the whole local stack, for days of its own clock, while webhooks, requests, messages,
schedules and processes are lost on purpose, and then checks every track: archived with the bytes that its
provider served, or failed for a reason that was really there. A track that could have been saved and was
not is lost.

  --tracks <n>  how many (3000); below 500 no provider keeps files for longer than three days
  --seed <n>    what happens follows from it (at random); how fast processes are does not
  --log <file>  writes the log lines of the Lambdas and the gateway there
  --json        prints one line of JSON instead of the table
  --help        prints this

Progress goes to stderr. Exit code 0: nothing was lost and nothing is wrong; 1: something is, by name;
2: the options make no sense.
`;

export interface SoakOptions {
  tracks: number;
  seed: number;
  log: string | undefined;
  json: boolean;
  help: boolean;
}

/** Undefined: the arguments make no sense. */
export function parseOptions(args: string[]): SoakOptions | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        tracks: { type: 'string', default: '3000' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
        log: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const tracks = Number(values.tracks);
    const seed = Number(values.seed);
    const valid = Number.isInteger(tracks) && tracks > 0 && Number.isInteger(seed) && seed >= 0;
    return valid ? { ...values, tracks, seed, log: values.log } : undefined;
  } catch {
    return undefined;
  }
}
