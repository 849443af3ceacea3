import { ConfigurationError } from '../../core/environment.ts';

/**
 * Refuses a database of another project than the stack serves, as far as the addresses show:
 * `db.<project>.supabase.co`, or user `postgres.<project>` at a pooler, against `<project>.supabase.co`.
 */
export function requireSameProject(databaseUrl: string, supabaseUrl: string): void {
  const [, wanted] =
    /^([a-z0-9]+)\.supabase\.(?:co|in|red)$/.exec(new URL(supabaseUrl).hostname) ?? [];
  const { hostname, username } = new URL(databaseUrl);
  const [, direct] = /^db\.([a-z0-9]+)\.supabase\.(?:co|in|red)$/.exec(hostname) ?? [];
  const [, pooled] = /^[a-z_]+\.([a-z0-9]+)$/.exec(decodeURIComponent(username)) ?? [];
  const actual = direct ?? pooled;
  if (wanted === undefined || actual === undefined || wanted === actual) return;
  throw new ConfigurationError(
    `The database is that of the Supabase project ${actual}, but the stack serves ${wanted}`,
  );
}
