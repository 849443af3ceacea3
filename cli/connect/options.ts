import * as z from 'zod';
import { ConfigurationError } from '../../core/environment.ts';
import { supabaseKey, supabaseKeyProblems } from '../../core/supabase-keys.ts';

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

const Options = z.object({
  '--database-url': z.url({
    protocol: /^postgres(ql)?$/,
    error: 'must be a postgres:// address, here or in SUPABASE_DB_URL',
  }),
  '--stack': z.string().min(1, { error: 'must not be empty' }),
  '--webhook-url': serviceUrl.optional(),
  '--supabase-url': serviceUrl.transform((url) => new URL(url).origin).optional(),
});

export interface ConnectOptions {
  databaseUrl: string;
  stack: string;
  /** Instead of the stack's own. */
  webhookUrl: string | undefined;
  supabaseUrl: string | undefined;
  /** From the environment only. */
  supabaseKey: string | undefined;
}

/** What commander hands over. */
export interface GivenOptions {
  databaseUrl?: string;
  stack: string;
  webhookUrl?: string;
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
    supabaseUrl: result.data['--supabase-url'],
    supabaseKey: supabaseKey(environment),
  };
}
