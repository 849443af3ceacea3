/** Supabase's service keys, under the names that it gives them itself. */
export const newKeyName = 'SUPABASE_SECRET_KEY';
export const legacyKeyName = 'SUPABASE_SERVICE_ROLE_KEY';

type Environment = Readonly<Record<string, string | undefined>>;

/** The key that is in the environment, new or legacy; an empty variable is none. */
export const supabaseKey = (environment: Environment): string | undefined =>
  environment[newKeyName] || environment[legacyKeyName] || undefined;

/** What is wrong with the Supabase keys in the environment; values never appear. */
export function supabaseKeyProblems(environment: Environment): string[] {
  const problems: string[] = [];
  const secretKey = environment[newKeyName] || undefined;
  const serviceRole = environment[legacyKeyName] || undefined;
  if (secretKey !== undefined && serviceRole !== undefined) {
    problems.push(
      `${newKeyName}, ${legacyKeyName}: a new and a legacy key at once; keep one (the new one) in the environment`,
    );
  }
  if (secretKey !== undefined && !secretKey.startsWith('sb_secret_')) {
    problems.push(`${newKeyName}: must begin with sb_secret_`);
  }
  if (serviceRole !== undefined && !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(serviceRole)) {
    problems.push(
      `${legacyKeyName}: must be a legacy service_role key, three parts with dots between`,
    );
  }
  return problems;
}
