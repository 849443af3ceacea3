import { z } from 'zod';
import { ConfigurationError } from '../core/environment.ts';
import { keyProblems, secretNames } from './config-secrets.ts';

/** What CloudWatch Logs accepts as a retention, in days. */
const logRetentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827];

const days = (fallback: number) =>
  wholeNumber(1, 3650, 'a whole number of days, at least 1').default(fallback);

function wholeNumber(min: number, max: number, wanted: string) {
  const error = `must be ${wanted}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

function text(wanted: string) {
  return z.string({
    error: ({ input }) => (input === undefined ? `missing: ${wanted}` : `must be ${wanted}`),
  });
}

/** Everything that an operator may choose, as `-c name=value` or in the `context` of cdk.json. */
const Settings = z.strictObject({
  /** Name of the stack and the start of the names in it; one for each environment. */
  name: text('a name')
    .regex(/^[a-z][a-z0-9-]{2,30}$/, {
      error: 'must be 3 to 31 lower-case letters, digits and hyphens, a letter first',
    })
    .default('track-archiver'),
  supabaseUrl: text('the project’s URL, such as https://abcdefgh.supabase.co').transform(
    (value, context) => {
      const problem = urlProblem(value);
      if (problem === undefined) return new URL(value).origin;
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    },
  ),
  /** Who hears of alarms; without it, subscribe to the topic in the stack's outputs. */
  alarmEmail: z.email({ error: 'must be an e-mail address' }).optional(),
  /** Archive Lambdas at once; protects Supabase. Each works on up to ten tracks. */
  maxConcurrency: wholeNumber(2, 1000, 'a whole number from 2 to 1000').default(5),
  /** Of the default policy: how long a provider keeps its files, and when a track is archived. */
  retentionDays: days(15),
  archiveAfterDays: days(13),
  /** Within which EventBridge Scheduler may spread the load; 0 turns it off. */
  scheduleWindowMinutes: wholeNumber(0, 1440, 'a whole number of minutes from 0 to 1440').default(
    15,
  ),
  /** How often the sweep runs. A provider that keeps files for an hour leaves it no hour to find a loss. */
  sweepEveryMinutes: wholeNumber(5, 60, 'a whole number of minutes from 5 to 60').default(60),
  /** How long a provider may take to its first byte, and between two; a retry waits four times as long. */
  providerTimeoutSeconds: wholeNumber(1, 120, 'a whole number of seconds from 1 to 120').default(
    30,
  ),
  logRetentionDays: z.coerce
    .number()
    .refine((value) => logRetentions.includes(value), {
      error: `must be one of ${logRetentions.join(', ')}`,
    })
    .default(30),
  logLevel: z
    .enum(['DEBUG', 'INFO', 'WARN', 'ERROR'], {
      error: 'must be one of DEBUG, INFO, WARN, ERROR',
    })
    .default('INFO'),
  /** Where the alarms' links lead: this repository's docs/runbook.md, as your team reads it. */
  runbookUrl: text('an address').min(1, { error: 'must not be empty' }).default('docs/runbook.md'),
});
export type Config = Readonly<z.output<typeof Settings>>;

/**
 * Parses the CDK context, or throws a ConfigurationError with every problem at once, in words.
 * Of `environment` only the presence and the form of Supabase keys are looked at: they never enter
 * the stack, but what is wrong with them would stop `npm run connect` right after the deployment.
 */
export function parseConfig(
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const given = Object.fromEntries(Object.entries(context).filter(([name]) => isOurs(name)));
  const result = Settings.safeParse(omit(given, secretNames));
  const problems = [
    ...(result.success ? [] : result.error.issues.map(describe)),
    ...delayProblems(given),
    ...keyProblems(given, environment),
  ];
  if (!result.success || problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`);
    throw new ConfigurationError(
      `Invalid configuration (give -c name=value, or context in cdk.json):\n${lines.join('\n')}`,
    );
  }
  return result.data;
}

/** The CDK's own context keys have colons, hyphens, slashes or an @ in them. */
const isOurs = (name: string): boolean => /^[a-zA-Z]+$/.test(name);

const omit = (values: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(Settings.shape).join(', ');
    return `${issue.keys.join(', ')}: not a setting; there are ${known}`;
  }
  return `${issue.path.join('.')}: ${issue.message}`;
}

function urlProblem(value: string): string | undefined {
  if (!URL.canParse(value)) {
    return 'must be a URL, such as https://abcdefgh.supabase.co';
  }
  const url = new URL(value);
  if (url.protocol !== 'https:') return `must begin with https://, not ${url.protocol}//`;
  if (url.username !== '' || url.password !== '') return 'must not contain credentials';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return 'must end after the host name, without a path';
  }
  return undefined;
}

const Delays = Settings.pick({ retentionDays: true, archiveAfterDays: true });

/** A check of its own, so that it is reported beside whatever else is wrong. */
function delayProblems(given: Record<string, unknown>): string[] {
  const { retentionDays, archiveAfterDays } = given;
  const delays = Delays.safeParse({ retentionDays, archiveAfterDays });
  if (!delays.success || delays.data.retentionDays > delays.data.archiveAfterDays) return [];
  return [
    `retentionDays: must be more than archiveAfterDays (${delays.data.archiveAfterDays}), or tracks expire before they are archived`,
  ];
}
