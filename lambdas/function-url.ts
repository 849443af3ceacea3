import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';

/** What strangers decide about a request; anything of it may be missing. */
export type UrlEvent = Partial<
  Pick<LambdaFunctionURLEvent, 'headers' | 'body' | 'isBase64Encoded'>
>;

/** Headers by their names in lower case. */
export const headersOf = ({ headers }: UrlEvent): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );

/** The body as the text that was sent; undefined where it is larger than `maxBytes`. */
export function bodyOf(
  { body, isBase64Encoded }: UrlEvent,
  maxBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  const text = body ?? '';
  // Base64 is four thirds of its content: what is far too large is not even decoded.
  if (text.length > maxBytes * 1.5) return undefined;
  const bytes = Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8');
  return bytes.length > maxBytes ? undefined : bytes.toString('utf8');
}

export const respond = (statusCode: number, body: object): LambdaFunctionURLResult => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
