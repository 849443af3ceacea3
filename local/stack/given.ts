import { z } from 'zod';
import { parseConfiguration } from '../../core/environment.ts';

/** What the user has running already, to be used instead of a part of ours. */
export interface Given {
  supabase: { url: string; secretKey: string; databaseUrl: string } | undefined;
  awsEndpoint: string | undefined;
}

const together = 'must be set too where SUPABASE_URL is';

const environment = z
  .object({
    SUPABASE_URL: z.url().optional(),
    SUPABASE_SECRET_KEY: z.string().min(1).optional(),
    SUPABASE_DB_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    AWS_ENDPOINT_URL: z.url().optional(),
  })
  .superRefine((values, context) => {
    if (values.SUPABASE_URL === undefined) return;
    for (const name of ['SUPABASE_SECRET_KEY', 'SUPABASE_DB_URL'] as const) {
      if (values[name] === undefined) {
        context.addIssue({ code: 'custom', path: [name], message: together });
      }
    }
  });

/**
 * Reads SUPABASE_URL with its companions SUPABASE_SECRET_KEY and SUPABASE_DB_URL (as role postgres),
 * and AWS_ENDPOINT_URL. Throws a ConfigurationError that names everything missing.
 */
export function parseGiven(values: NodeJS.ProcessEnv): Given {
  const given = parseConfiguration('environment of the local stack', environment, values);
  const { SUPABASE_URL: url, SUPABASE_SECRET_KEY: key, SUPABASE_DB_URL: databaseUrl } = given;
  return {
    supabase:
      url === undefined || key === undefined || databaseUrl === undefined
        ? undefined
        : { url, secretKey: key, databaseUrl },
    awsEndpoint: given.AWS_ENDPOINT_URL,
  };
}

/** What cannot be as usual with the parts that are given; empty where all is ours. */
export function limitationsOf(given: Given): string[] {
  const limits: string[] = [];
  if (given.supabase !== undefined) {
    limits.push(
      "The given Supabase runs in real time: its archiver.clock() is not moved, so leases, due dates and expiry are the machine's.",
      'Its pg_net must reach the function URL of this machine, or nothing hears of new tracks.',
      'Its Vault secrets track_archiver_webhook_url and track_archiver_webhook_secret are set to this stack, and --audio adds its host to the policy `*`.',
    );
  }
  if (given.awsEndpoint !== undefined) {
    limits.push(
      'The given AWS endpoint runs in real time: schedules fire and messages come back when their hour comes, days cannot be skipped.',
    );
  }
  return limits;
}
