import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { type HttpServer, startHttpServer } from './http.ts';
import { FunctionError, type LambdaFunction } from './lambda.ts';

/** A function URL's limit for a request. */
const largestPayload = 6 * 1024 * 1024;

/** Payload format 2.0 (Lambda Developer Guide, "Invoking function URLs"), as far as our functions use it. */
const Result = z.strictObject({
  statusCode: z.number().int().min(100).max(599),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().default(''),
});

/** Serves a function at a URL as Lambda does, auth type NONE. */
export async function startFunctionUrl(fn: LambdaFunction, port = 0): Promise<HttpServer> {
  const server = await startHttpServer((request, response) => {
    serve(fn, request, response).catch(() => response.destroy());
  }, port);
  return { ...server, url: `${server.url}/` };
}

async function serve(fn: LambdaFunction, request: IncomingMessage, response: ServerResponse) {
  const body = await buffer(request);
  if (body.length > largestPayload) {
    response.writeHead(413).end('{"Message":"Request must be smaller than 6291456 bytes"}');
    return;
  }
  try {
    const result = Result.safeParse(await fn.invoke(toEvent(fn, request, body)));
    if (!result.success) throw new FunctionError('Result', result.error.message);
    const { statusCode, headers } = result.data;
    response.writeHead(statusCode, { 'content-type': 'application/json', ...headers });
    response.end(result.data.body);
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    if (error.type === 'TooManyRequestsException') response.writeHead(429).end();
    else response.writeHead(502).end('Internal Server Error');
  }
}

function toEvent(fn: LambdaFunction, request: IncomingMessage, body: Buffer) {
  const [rawPath = '/', rawQueryString = ''] = (request.url ?? '/').split('?', 2);
  const text = isText(request.headers);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  const time = fn.clock.now();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: Object.fromEntries(headers),
    requestContext: {
      http: { method: request.method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1' },
      requestId: randomUUID(),
      time: new Date(time).toISOString(),
      timeEpoch: time,
    },
    ...(body.length > 0 && { body: body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !text,
  };
}

/** Anything else, a body without a content type and a compressed one too, comes to the function as base64. */
function isText(headers: IncomingMessage['headers']): boolean {
  return (
    headers['content-encoding'] === undefined &&
    /^(text\/|application\/(.*\+)?(json|xml|javascript)\b)/i.test(headers['content-type'] ?? '')
  );
}
