import { redactSecrets } from '../../core/redact.ts';

/** Takes passwords and keys out of whatever is about to be printed; errors of others may quote them. */
export function createRedact(secrets: (string | undefined)[]): (text: string) => string {
  const known = secrets
    .flatMap((secret) => [secret, secret === undefined ? undefined : encodeURIComponent(secret)])
    .filter((secret) => secret !== undefined && secret.length >= 4)
    .sort((a = '', b = '') => b.length - a.length);
  return (text) =>
    redactSecrets(known.reduce<string>((rest, secret = '') => rest.replaceAll(secret, '…'), text));
}

/** The password in a postgres:// address. */
export const passwordOf = (databaseUrl: string): string =>
  decodeURIComponent(new URL(databaseUrl).password);
