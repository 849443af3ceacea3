/** Takes passwords and keys out of whatever is about to be printed; errors of others may quote them. */
export function createRedact(secrets: (string | undefined)[]): (text: string) => string {
  const known = secrets
    .flatMap((secret) => [secret, secret === undefined ? undefined : encodeURIComponent(secret)])
    .filter((secret) => secret !== undefined && secret.length >= 4)
    .sort((a = '', b = '') => b.length - a.length);
  const keys = /whsec_[A-Za-z0-9+/=]+|sb_secret_\w+|eyJ[\w-]+\.[\w-]+\.[\w-]+/g;
  return (text) =>
    known
      .reduce<string>((rest, secret = '') => rest.replaceAll(secret, '…'), text)
      .replace(keys, '…');
}

/** The password in a postgres:// address. */
export const passwordOf = (databaseUrl: string): string =>
  decodeURIComponent(new URL(databaseUrl).password);
