import { randomBytes } from 'node:crypto';
import type { WebhookSettings } from '../../adapters/database/vault.ts';
import { type ArchiverSecret, ConfigurationError } from '../../core/environment.ts';
import { newKeyName } from '../../core/supabase-keys.ts';

export interface SecretPlan {
  /** What the secret in AWS should hold. */
  secret: ArchiverSecret;
  /** What of it is not so yet, in words without values; empty where it is right. */
  changes: string[];
  /** What Vault should hold to sign with: one secret, or several during a rotation. */
  vaultSecret: string;
}

interface Wanted {
  supabaseUrl: string;
  /** Undefined: keep the one that is there. */
  supabaseKey: string | undefined;
  vault: WebhookSettings;
  generate?: () => string;
}

/** Standard Webhooks secrets are 24 to 64 random bytes. */
const generateSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const canSign = (secret: string): boolean => /^whsec_[A-Za-z0-9+/]{16,}=*$/.test(secret);

/**
 * Brings the secret in AWS and the one in Vault together with as little change as possible: what both
 * know stays, so that a rotation under way is not undone and running again changes nothing.
 */
export function planSecret(
  current: ArchiverSecret | undefined,
  { supabaseUrl, supabaseKey, vault, generate = generateSecret }: Wanted,
): SecretPlan {
  const key = supabaseKey ?? current?.supabaseKey;
  if (key === undefined) {
    throw new ConfigurationError(
      `The secret in AWS is empty: set ${newKeyName} in the environment, to be stored there`,
    );
  }
  const inVault = vault.secret?.split(/\s+/).filter(canSign) ?? [];
  const inAws = current?.webhookSecrets ?? [];
  const known = inVault.some((secret) => inAws.includes(secret));
  const ownSigner = inAws.find(canSign);
  // AWS is where requests are verified, so its secret wins; an empty one takes over Vault's.
  const fresh = known || ownSigner !== undefined ? [] : [inVault[0] ?? generate()];
  const signer = ownSigner ?? fresh[0] ?? '';
  const changes: string[] = [];
  if (current === undefined) changes.push('Supabase URL', 'Supabase key');
  else {
    if (current.supabaseUrl !== supabaseUrl) changes.push('Supabase URL');
    if (current.supabaseKey !== key) changes.push('Supabase key');
  }
  if (fresh.length > 0) changes.push('webhook secret');
  return {
    secret: { supabaseUrl, supabaseKey: key, webhookSecrets: [...inAws, ...fresh] },
    changes,
    vaultSecret: known ? (vault.secret ?? signer) : signer,
  };
}
