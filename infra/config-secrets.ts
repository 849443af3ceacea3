/** Supabase's keys, under the names that it gives them itself; `npm run connect` reads them from the environment. */
const newKey = 'SUPABASE_SECRET_KEY';
const legacyKey = 'SUPABASE_SERVICE_ROLE_KEY';

/** Context names that would carry a secret; refused, since context stands in shell histories and in cdk.out. */
export const secretNames = [
  'supabaseKey',
  'supabaseSecretKey',
  'supabaseServiceRoleKey',
  'webhookSecret',
  'webhookSecrets',
] as const;

/** What is wrong with the Supabase keys; values never appear. */
export function keyProblems(
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const problems = secretNames
    .filter((name) => context[name] !== undefined)
    .map(
      (name) =>
        `${name}: is a secret and no setting; give it to npm run connect, see docs/deploy.md`,
    );
  const secretKey = environment[newKey] || undefined;
  const serviceRole = environment[legacyKey] || undefined;
  if (secretKey !== undefined && serviceRole !== undefined) {
    problems.push(
      `${newKey}, ${legacyKey}: a new and a legacy key at once; keep one (the new one) in the environment`,
    );
  }
  if (secretKey !== undefined && !secretKey.startsWith('sb_secret_')) {
    problems.push(`${newKey}: must begin with sb_secret_`);
  }
  if (serviceRole !== undefined && !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(serviceRole)) {
    problems.push(`${legacyKey}: must be a legacy service_role key, three parts with dots between`);
  }
  return problems;
}
