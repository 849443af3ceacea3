import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ArchiverSecret, ConfigurationError, parseConfiguration } from '../core/environment.ts';

/** Seconds until a rotated secret is noticed. */
const maxAge = 300;

/** Reads the one secret, on first use and then every few minutes; the same object while it has not changed. */
export type ReadSecret = () => Promise<ArchiverSecret>;

/** Throws a ConfigurationError that never shows the secret's text. */
export function createReadSecret(client: SecretsManagerClient, secretId: string): ReadSecret {
  const provider = new SecretsProvider({ awsSdkV3Client: client });
  let known: { text: string; secret: ArchiverSecret } | undefined;
  return async () => {
    const text = await provider.get(secretId, { maxAge });
    if (typeof text !== 'string') throw new ConfigurationError('The secret holds no text');
    if (known?.text !== text) known = { text, secret: parseSecret(text) };
    return known.secret;
  };
}

/** Throws a ConfigurationError that never shows the text. */
export function parseSecret(text: string): ArchiverSecret {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    // Without the cause: JSON.parse quotes its input.
    throw new ConfigurationError('The secret is not JSON');
  }
  return parseConfiguration('secret', ArchiverSecret, values);
}
