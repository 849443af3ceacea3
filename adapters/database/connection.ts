import pg from 'pg';
import { describeError } from '../../core/describe-error.ts';
import { ConfigurationError } from '../../core/environment.ts';

/** A connection to Postgres, or a pool of them. */
export type Database = Pick<pg.Pool, 'query'>;

const loopback = ['127.0.0.1', '::1', '[::1]', 'localhost'];

/**
 * The address with what libpq means by `sslmode`; without one, traffic beyond this machine is
 * encrypted. That alone does not prove who answers: `sslmode=verify-full&sslrootcert=<file>` does,
 * with the certificate from Supabase's database settings (its authority is its own).
 */
export function withTransportSecurity(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const { searchParams: parameters } = url;
  if (!parameters.has('sslmode')) {
    if (loopback.includes(url.hostname)) return url.href;
    parameters.set('sslmode', 'require');
  }
  // Without it pg takes every mode for verify-full, and warns.
  if (!parameters.has('uselibpqcompat')) parameters.set('uselibpqcompat', 'true');
  return url.href;
}

/**
 * Runs `use` with one connection, which is closed afterwards. Rejects with a ConfigurationError where there
 * is none to be had.
 */
export async function withDatabase<Result>(
  url: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: withTransportSecurity(url),
    connectionTimeoutMillis: 15_000,
    application_name: 'track-archiver',
  });
  // A connection that breaks between two queries must not end the process: the next query says so.
  client.on('error', () => {});
  await client.connect().catch((cause: unknown) => {
    throw new ConfigurationError(`Cannot connect to the database: ${describeError(cause)}`, {
      cause,
    });
  });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
