import { parseArgs } from 'node:util';

export const help = `Usage: npm run bench:database -- [options]

Fills a PostgreSQL of its own with an app's tracks, of which nine tenths are archived, adopts them, and measures
every query of the archiver, and what its triggers add to the app's own statements. A million tracks take some
five minutes and 4 GB in the directory for temporary files, which are removed at the end.

  --tracks <n>  how many, at least 1000 (1000000)
  --goal <ms>   one goal for every query, instead of its own
  --plans       prints the plan of each query too, and what it reads
  --check       exit 1 if a goal is missed
  --json        prints JSON
  --help        prints this

Progress goes to stderr.
`;

export interface DatabaseOptions {
  tracks: number;
  goal: number | undefined;
  plans: boolean;
  check: boolean;
  json: boolean;
  help: boolean;
}

/** Undefined: the arguments make no sense. */
export function parseOptions(args: string[]): DatabaseOptions | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        tracks: { type: 'string', default: '1000000' },
        goal: { type: 'string' },
        plans: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const tracks = Number(values.tracks);
    const goal = values.goal === undefined ? undefined : Number(values.goal);
    const valid = Number.isInteger(tracks) && tracks >= 1000 && (goal === undefined || goal >= 0);
    return valid ? { ...values, tracks, goal } : undefined;
  } catch {
    return undefined;
  }
}
