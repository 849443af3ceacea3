import * as z from 'zod';

/**
 * The environment of each Lambda: one typed contract, imported by the infrastructure that sets it and
 * by the entry files that parse it. Values are strings, as in `process.env`.
 */
const arn = z.string().startsWith('arn:');

export const enqueueEnvironment = z.object({
  /** Names this Lambda in its log lines and metrics; several environments in one account differ by it. */
  POWERTOOLS_SERVICE_NAME: z.string().min(1).default('track-archiver-enqueue'),
  SECRET_ID: z.string().min(1),
  SCHEDULE_GROUP: z.string().min(1),
  SCHEDULE_ROLE_ARN: arn,
  /** Minutes within which EventBridge Scheduler may fire after the due time; 0 turns the window off. */
  SCHEDULE_WINDOW_MINUTES: z.coerce.number().int().min(0).max(1440).default(15),
  SCHEDULE_DEAD_LETTER_ARN: arn,
  ARCHIVE_QUEUE_ARN: arn,
  ARCHIVE_QUEUE_URL: z.url(),
});

export const sweepEnvironment = enqueueEnvironment.extend({
  POWERTOOLS_SERVICE_NAME: z.string().min(1).default('track-archiver-sweep'),
  DEAD_LETTER_QUEUE_URL: z.url(),
  /** Most archive Lambdas at once: bounds how many tracks the sweep puts on the queue. */
  ARCHIVE_CONCURRENCY: z.coerce.number().int().min(1),
});

export const archiveEnvironment = z.object({
  /** Names this Lambda in its log lines and metrics; several environments in one account differ by it. */
  POWERTOOLS_SERVICE_NAME: z.string().min(1).default('track-archiver-archive'),
  SECRET_ID: z.string().min(1),
  ARCHIVE_QUEUE_URL: z.url(),
  DEAD_LETTER_QUEUE_URL: z.url(),
  /** Milliseconds: the wait after try n of an asset is n times this. */
  RETRY_BASE_DELAY_MS: z.coerce.number().int().min(0).default(5000),
  /**
   * Milliseconds without response headers, or without a further body byte, before a provider counts as stalled.
   * A second try waits four times as long.
   */
  PROVIDER_TIMEOUT_MS: z.coerce.number().int().min(1).default(30_000),
  /** Milliseconds without any progress before Storage counts as unreachable; its adapter knows how long is usual. */
  STORAGE_TIMEOUT_MS: z.coerce.number().int().min(1).optional(),
  /**
   * For the local stack only: JSON `{"host": "127.0.0.1:port"}`, hosts that are reached there instead
   * of by DNS. Refused unless AWS_ENDPOINT_URL points at this machine; never set in a deployed stack.
   */
  PROVIDER_ADDRESS_OVERRIDES: z.string().optional(),
  AWS_ENDPOINT_URL: z.url().optional(),
});

/** The one secret, JSON. Several webhook secrets at once allow rotation. */
export const ArchiverSecret = z.object({
  supabaseUrl: z.url(),
  /** `sb_secret_…` or a legacy service_role JWT. */
  // What no header can carry would be quoted by whoever refuses to send it.
  supabaseKey: z.string().regex(/^[!-~]+$/, 'must be one word of printable ASCII'),
  /** Standard Webhooks secrets (`whsec_` and base64), which are also accepted as the shared secret header. */
  webhookSecrets: z.array(z.string().min(16)).min(1),
});
export type ArchiverSecret = z.infer<typeof ArchiverSecret>;

export type EnvironmentOf<Schema extends z.ZodObject> = { [Name in keyof z.input<Schema>]: string };

/** Raised with every problem at once, by name; values never appear. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Parses `values` or throws a ConfigurationError that names every wrong or missing variable. */
export function parseConfiguration<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  values: unknown,
): z.output<Schema> {
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `  ${issue.path.join('.')}: ${issue.message}`,
  );
  throw new ConfigurationError(`Invalid ${what}:\n${problems.join('\n')}`);
}
