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

/** The password in a URL as it is meant; undefined where it has a % that begins no escape. */
export function decodedPassword({ password }: URL): string | undefined {
  try {
    return decodeURIComponent(password);
  } catch {
    return undefined;
  }
}

/** The password in a postgres:// address, as it is written there and as it is meant. */
export function passwordsOf(databaseUrl: string): (string | undefined)[] {
  if (!URL.canParse(databaseUrl)) return [];
  const url = new URL(databaseUrl);
  return [url.password, decodedPassword(url)];
}
