import { supabaseKeyProblems } from '../core/supabase-keys.ts';

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
  const given = secretNames.filter((name) => context[name] !== undefined);
  return [
    ...given.map(
      (name) =>
        `${name}: is a secret and no setting; give it to npm run connect, see docs/deploy.md`,
    ),
    ...supabaseKeyProblems(environment),
  ];
}
