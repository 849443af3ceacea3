import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import type { EndpointRequest, EndpointResponse } from '../app/endpoint.ts';

/** What strangers decide about a request; anything of it may be missing. */
type UrlEvent = Partial<
  Pick<LambdaFunctionURLEvent, 'requestContext' | 'headers' | 'body' | 'isBase64Encoded'>
>;

export const requestOf = (event: UrlEvent, maxBytes?: number): EndpointRequest => ({
  method: event.requestContext?.http.method,
  headers: headersOf(event),
  body: bodyOf(event, maxBytes),
});

export const resultOf = ({ status, body }: EndpointResponse): LambdaFunctionURLResult => ({
  statusCode: status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const headersOf = ({ headers }: UrlEvent): EndpointRequest['headers'] =>
  Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );

function bodyOf(
  { body, isBase64Encoded }: UrlEvent,
  maxBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  const text = body ?? '';
  // Base64 is four thirds of its content: what is far too large is not even decoded.
  if (text.length > maxBytes * 1.5) return undefined;
  const bytes = Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8');
  return bytes.length > maxBytes ? undefined : bytes.toString('utf8');
}
