import * as z from 'zod';
import { ConfigurationError } from '../../core/environment.ts';
import { supabaseKey, supabaseKeyProblems } from '../../core/supabase-keys.ts';
import { decodedPassword } from './redact.ts';

/** https, or plain http on this machine only: what goes there is signed with a secret or carries a key. */
const serviceUrl = z.url({ protocol: /^https?$/, error: 'must be a URL' }).refine(isProtected, {
  error: 'must begin with https:// (http:// only on this machine)',
});

function isProtected(value: string): boolean {
  // Said already.
  if (!URL.canParse(value)) return true;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

/** What is wrong with the address of a database; undefined: nothing. */
export function databaseUrlProblem(value: string): string | undefined {
  if (!URL.canParse(value) || !/^postgres(ql)?:$/.test(new URL(value).protocol)) {
    return 'must be a postgres:// address, here or in SUPABASE_DB_URL';
  }
  const url = new URL(value);
  const { hostname, port } = url;
  // Settings of a session would not hold there, nor may an index be built.
  if (port === '6543' && /\.supabase\.(co|com|in|red)$/.test(hostname)) {
    return 'port 6543 is the transaction pooler: use the session pooler (5432) or the direct connection';
  }
  if (decodedPassword(url) === undefined) return 'a % in the password must be written %25';
  return undefined;
}

const Options = z.object({
  '--database-url': z
    .string({ error: 'is missing, here or in SUPABASE_DB_URL' })
    .check((context) => {
      const message = databaseUrlProblem(context.value);
      if (message !== undefined) {
        context.issues.push({ code: 'custom', message, input: context.value });
      }
    }),
  '--stack': z.string().min(1, { error: 'must not be empty' }),
  '--webhook-url': serviceUrl.optional(),
  '--archive-tracks-url': serviceUrl.optional(),
  '--supabase-url': serviceUrl.transform((url) => new URL(url).origin).optional(),
});

export interface ConnectOptions {
  databaseUrl: string;
  stack: string;
  /** Instead of the stack's own. */
  webhookUrl: string | undefined;
  /** Instead of the stack's own. */
  archiveTracksUrl: string | undefined;
  supabaseUrl: string | undefined;
  /** From the environment only. */
  supabaseKey: string | undefined;
}

/** What commander hands over. */
export interface GivenOptions {
  databaseUrl?: string;
  stack: string;
  webhookUrl?: string;
  archiveTracksUrl?: string;
  supabaseUrl?: string;
}

/** Throws a ConfigurationError with every problem at once and no value. */
export function parseOptions(
  given: GivenOptions,
  environment: Readonly<Record<string, string | undefined>>,
): ConnectOptions {
  const result = Options.safeParse({
    '--database-url': given.databaseUrl ?? environment.SUPABASE_DB_URL,
    '--stack': given.stack,
    '--webhook-url': given.webhookUrl,
    '--archive-tracks-url': given.archiveTracksUrl,
    '--supabase-url': given.supabaseUrl,
  });
  const problems = [
    ...(result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`),
    ...supabaseKeyProblems(environment),
  ];
  if (!result.success || problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`);
    throw new ConfigurationError(`It cannot connect with that:\n${lines.join('\n')}`);
  }
  return {
    databaseUrl: result.data['--database-url'],
    stack: result.data['--stack'],
    webhookUrl: result.data['--webhook-url'],
    archiveTracksUrl: result.data['--archive-tracks-url'],
    supabaseUrl: result.data['--supabase-url'],
    supabaseKey: supabaseKey(environment),
  };
}
