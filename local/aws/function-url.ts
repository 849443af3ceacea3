import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { readBody } from './http-body.ts';
import { FunctionError, type LambdaFunction } from './lambda.ts';

/** A function URL's limit for request and response. */
const largestPayload = 6 * 1024 * 1024;

/** Payload format 2.0; an answer without a status code is a JSON body (Lambda Developer Guide, "Invoking function URLs"). */
const Answer = z.object({
  statusCode: z.number().int().min(100).max(599),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  cookies: z.array(z.string()).optional(),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().optional(),
});

/** Serves a function at a URL as Lambda does, auth type NONE. */
export async function startFunctionUrl(
  fn: LambdaFunction,
  port = 0,
): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    serve(fn, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function serve(fn: LambdaFunction, request: IncomingMessage, response: ServerResponse) {
  const body = await readBody(request, largestPayload);
  if (body === undefined) {
    sendJson(response, 413, { Message: 'Request must be smaller than 6291456 bytes' });
    return;
  }
  try {
    sendAnswer(response, await fn.invoke(toEvent(fn, request, body)));
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    if (error.type === 'TooManyRequestsException')
      sendJson(response, 429, { Reason: error.message });
    else response.writeHead(502, { 'content-type': 'text/plain' }).end('Internal Server Error');
  }
}

function toEvent(fn: LambdaFunction, request: IncomingMessage, body: Buffer) {
  const [rawPath = '/', rawQueryString = ''] = (request.url ?? '/').split('?', 2);
  const text = isText(request.headers);
  const headers = Object.entries(request.headers).filter(([name]) => name !== 'cookie');
  const query = Object.entries(
    Object.groupBy(new URLSearchParams(rawQueryString), ([name]) => name),
  ).map(([name, pairs = []]) => [name, pairs.map(([, value]) => value).join(',')]);
  const time = fn.clock.now();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(request.headers.cookie !== undefined && { cookies: request.headers.cookie.split('; ') }),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, [value].flat().join(',')])),
    ...(query.length > 0 && { queryStringParameters: Object.fromEntries(query) }),
    requestContext: {
      accountId: 'anonymous',
      apiId: fn.name,
      domainName: request.headers.host ?? '',
      domainPrefix: fn.name,
      http: {
        method: request.method ?? 'GET',
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
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

function sendAnswer(response: ServerResponse, value: unknown): void {
  const parsed = Answer.safeParse(value);
  if (!parsed.success) {
    sendJson(response, 200, value);
    return;
  }
  const { statusCode, headers = {}, cookies, body = '', isBase64Encoded } = parsed.data;
  response.statusCode = statusCode;
  response.setHeader('content-type', 'application/json');
  for (const [name, content] of Object.entries(headers)) response.setHeader(name, String(content));
  if (cookies !== undefined) response.setHeader('set-cookie', cookies);
  response.end(Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8'));
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
