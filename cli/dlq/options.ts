import * as z from 'zod';
import { ConfigurationError } from '../../core/environment.ts';
import { failures } from '../../core/failure.ts';
import { supabaseKey, supabaseKeyProblems } from '../../core/supabase-keys.ts';

/** What commander hands over; each command has a part of it. */
export interface GivenOptions {
  stack?: string;
  archiveQueue?: string;
  deadLetterQueue?: string;
  scheduleDeadLetterQueue?: string;
  json?: boolean;
  code?: string[];
  track?: string[];
  olderThan?: string;
  archived?: boolean;
  rate?: string;
  yes?: boolean;
  cancel?: boolean;
}

/** Which messages are meant; what is empty does not restrict. */
export interface Selection {
  codes: readonly string[];
  /** Lower case. */
  trackIds: readonly string[];
  /** Seconds. */
  olderThan: number | undefined;
  /** Only those whose track is archived or deleted meanwhile. */
  archived: boolean;
}

export type Place =
  | { kind: 'stack'; name: string }
  | {
      kind: 'queues';
      /** Each a URL, an ARN or a name. */
      archive: string;
      deadLetter: string;
      scheduleDeadLetter: string;
      secretId: string | undefined;
    };

export interface Options {
  place: Place;
  /** From the environment; without it the secret in AWS is asked. */
  supabase: { url: string | undefined; key: string | undefined };
  selection: Selection;
  /** Messages a second. */
  rate: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const Duration = z
  .string()
  .regex(/^\d{1,6}[smhd]$/, 'must be a number and a unit: 90m, 12h, 3d')
  .transform(
    (text) => Number(text.slice(0, -1)) * secondsOf[text.slice(-1) as keyof typeof secondsOf],
  );

/** Scheduler's own codes have capitals. */
const Code = z.string().refine((code) => Object.hasOwn(failures, code) || /[A-Z]/.test(code), {
  error: 'must be a code of docs/failures.md',
});

const Values = z.object({
  '--code': z.array(Code).default([]),
  '--track': z.array(z.guid({ error: 'must be the id of a track' }).toLowerCase()).default([]),
  '--older-than': Duration.optional(),
  '--rate': z.coerce
    .number({ error: 'must be a number' })
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be 1 to 500' })
    .max(500, { error: 'must be 1 to 500' }),
  SUPABASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL' })
    .refine((url) => !URL.canParse(url) || isProtected(new URL(url)), {
      error: 'must begin with https:// (http:// only on this machine)',
    })
    .optional(),
});

/** A key goes there. */
const isProtected = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);

/** Throws a ConfigurationError with every problem at once and no value. */
export function parseOptions(given: GivenOptions, environment: Environment): Options {
  const result = Values.safeParse({
    '--code': given.code?.flatMap((codes) => codes.split(',')),
    '--track': given.track?.flatMap((ids) => ids.split(',')),
    '--older-than': given.olderThan,
    '--rate': given.rate ?? '50',
    SUPABASE_URL: environment.SUPABASE_URL || undefined,
  });
  const place = parsePlace(given, environment);
  const problems = [
    ...(result.error?.issues ?? []).map(({ path, message }) => `${String(path[0])}: ${message}`),
    ...supabaseKeyProblems(environment),
    ...('problems' in place ? place.problems : []),
  ];
  if (!result.success || 'problems' in place || problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`);
    throw new ConfigurationError(`Invalid options:\n${lines.join('\n')}`);
  }
  return {
    place,
    supabase: { url: result.data.SUPABASE_URL, key: supabaseKey(environment) },
    selection: {
      codes: result.data['--code'],
      trackIds: result.data['--track'],
      olderThan: result.data['--older-than'],
      archived: given.archived ?? false,
    },
    rate: result.data['--rate'],
  };
}

function parsePlace(given: GivenOptions, environment: Environment): Place | { problems: string[] } {
  const options = [given.archiveQueue, given.deadLetterQueue, given.scheduleDeadLetterQueue];
  if (given.stack !== undefined) {
    if (options.every((option) => option === undefined))
      return { kind: 'stack', name: given.stack };
    return { problems: ['--stack: knows its queues; leave the options that name queues out'] };
  }
  const queues = {
    '--archive-queue, ARCHIVE_QUEUE_URL': given.archiveQueue ?? environment.ARCHIVE_QUEUE_URL,
    '--dead-letter-queue, DEAD_LETTER_QUEUE_URL':
      given.deadLetterQueue ?? environment.DEAD_LETTER_QUEUE_URL,
    '--schedule-dead-letter-queue, SCHEDULE_DEAD_LETTER_ARN':
      given.scheduleDeadLetterQueue ?? environment.SCHEDULE_DEAD_LETTER_ARN,
  };
  const missing = Object.entries(queues).filter(([, queue]) => !queue);
  if (missing.length === 3) return { kind: 'stack', name: 'track-archiver' };
  if (missing.length > 0) {
    return {
      problems: missing.map(([name]) => `${name}: must be given too, or none of the three`),
    };
  }
  const [archive = '', deadLetter = '', scheduleDeadLetter = ''] = Object.values(queues);
  const secretId = environment.SECRET_ID || undefined;
  return { kind: 'queues', archive, deadLetter, scheduleDeadLetter, secretId };
}

export const isEverything = ({ codes, trackIds, olderThan, archived }: Selection): boolean =>
  codes.length === 0 && trackIds.length === 0 && olderThan === undefined && !archived;
