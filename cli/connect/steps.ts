import type pg from 'pg';
import { adopt, isAdopting } from '../../adapters/database/adoption.ts';
import { enableExtension, readExtensions } from '../../adapters/database/extensions.ts';
import { applyMigration, pendingMigrations } from '../../adapters/database/migrations.ts';
import { putVaultSecret, readWebhookSettings, vaultNames } from '../../adapters/database/vault.ts';
import { createWorklistIndex, readWorklistIndex } from '../../adapters/database/worklist-index.ts';
import type { SecretStore } from '../../adapters/secret-store.ts';
import { parseSecret } from '../../adapters/secrets.ts';
import type { StackOutputs } from '../../adapters/stack-outputs.ts';
import { ConfigurationError } from '../../core/environment.ts';
import type { ConnectOptions } from './options.ts';
import { planSecret } from './secret.ts';

/** One thing that has to be changed; nothing happens before `run`. */
export interface Step {
  title: string;
  /** Returns false where it turned out to be done already. */
  run(): Promise<unknown>;
}

export interface Connection {
  options: Pick<ConnectOptions, 'supabaseKey' | 'supabaseUrl' | 'webhookUrl'>;
  outputs: StackOutputs;
  secrets: SecretStore;
  client: pg.Client;
}

/**
 * What is missing, in the order in which it must be done; reads only. The secret in AWS comes before
 * Vault's, so that nothing is signed that would be refused. Throws a ConfigurationError where
 * something is needed that only the operator can give.
 */
export async function planSteps({
  options,
  outputs,
  secrets,
  client,
}: Connection): Promise<Step[]> {
  const extensions = (await readExtensions(client)).filter(({ isThere }) => !isThere);
  const unavailable = extensions.filter(({ isAvailable }) => !isAvailable);
  if (unavailable.length > 0) {
    const names = unavailable.map(({ name }) => name).join(', ');
    throw new ConfigurationError(`The database does not have ${names}: is it a Supabase project?`);
  }
  const migrations = await pendingMigrations(client);
  const hasVault = extensions.every(({ name }) => name !== 'supabase_vault');
  const vault = hasVault
    ? await readWebhookSettings(client)
    : { url: undefined, secret: undefined };
  const text = await secrets.read();
  const webhookUrl = options.webhookUrl ?? outputs.WebhookUrl;
  const plan = planSecret(text === undefined ? undefined : parseSecret(text), {
    supabaseUrl: options.supabaseUrl ?? outputs.SupabaseUrl,
    supabaseKey: options.supabaseKey,
    vault,
  });
  const steps: Step[] = [
    ...extensions.map(({ name }) => ({
      title: `enable the extension ${name}`,
      run: () => enableExtension(client, name),
    })),
    ...migrations.map((migration) => ({
      title: `apply migration ${migration.file}`,
      run: () => applyMigration(client, migration),
    })),
  ];
  if (plan.changes.length > 0) {
    steps.push({
      title: `store in the secret in AWS: ${plan.changes.join(', ')}`,
      // What else somebody keeps there stays.
      run: () => secrets.write(JSON.stringify({ ...JSON.parse(text ?? '{}'), ...plan.secret })),
    });
  }
  if (vault.url !== webhookUrl) {
    steps.push({
      title: `store the webhook's address in Vault: ${webhookUrl}`,
      run: () => putVaultSecret(client, vaultNames.url, webhookUrl),
    });
  }
  if (vault.secret !== plan.vaultSecret) {
    steps.push({
      title: "store the webhook's secret in Vault",
      run: () => putVaultSecret(client, vaultNames.secret, plan.vaultSecret),
    });
  }
  const isMigrating = migrations.length > 0;
  steps.push(...(await indexSteps(client, isMigrating)));
  const title = 'give dates and jobs to the tracks that were there before, and count them';
  if (isMigrating || (await isAdopting(client))) {
    steps.push({ title, run: async () => (await isAdopting(client)) && (await adopt(client)) });
  }
  return steps;
}

/** The migration leaves the index out where the table is large, which shows only after it. */
async function indexSteps(client: pg.Client, isMigrating: boolean): Promise<Step[]> {
  const title = 'build the worklist index without blocking the app (minutes on a large table)';
  const isLacking = async () =>
    ['missing', 'invalid'].includes(await readWorklistIndex(client)) &&
    (await createWorklistIndex(client)) === undefined;
  if (isMigrating) return [{ title: `${title}, if the migrations left it out`, run: isLacking }];
  const state = await readWorklistIndex(client);
  return state === 'there' || state === 'being built' ? [] : [{ title, run: isLacking }];
}
