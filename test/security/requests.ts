import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';

export interface Request {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Response {
  status: number;
  contentType: string | undefined;
  text: string;
}

/** Sends requests over connections that stay open. */
export function createClient(url: string) {
  const agent = new Agent({ keepAlive: true });
  return {
    async send({ method, path, headers, body }: Request): Promise<Response> {
      return await new Promise((resolve, reject) => {
        // Node itself announces no length of a body for every method.
        const all = { ...headers, 'content-length': body.length };
        const outgoing = request(
          new URL(path, url),
          { method, headers: all, agent },
          (response) => {
            buffer(response).then((bytes) => {
              const contentType = response.headers['content-type'];
              const status = response.statusCode ?? 0;
              resolve({ status, contentType, text: bytes.toString() });
            }, reject);
          },
        );
        outgoing.on('error', reject).end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

/** Stands in much that is generated: no response and no log line may repeat it. */
export const marker = 'very-secret';

/** What a header may carry on the wire. */
const headerText = fc.oneof(
  fc.constantFrom('', marker, `Bearer ${marker}`, 'null', '[object Object]', '\u00ff\u0080\t'),
  fc.string({ maxLength: 200 }).map((text) => text.trim()),
  fc
    .array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 40 })
    .map((bytes) => String.fromCharCode(...bytes)),
);

const headerNames = fc.oneof(
  fc.constantFrom(
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
    'x-webhook-secret',
    'authorization',
    'apikey',
    'content-type',
    '__proto__',
    'constructor',
    'x-forwarded-for',
    'cookie',
  ),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).map((name) => `x-${name}`),
);

export const anyHeaders: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  headerNames,
  headerText,
  {
    maxKeys: 8,
    noNullPrototype: true,
  },
);

/** JSON that is meant to hurt: deep, large, with names that mean something to JavaScript, not quite JSON. */
const hurtful = fc.constantFrom(
  '',
  ' ',
  'null',
  'true',
  '0',
  '1e999',
  '"text"',
  '[]',
  '{}',
  '{',
  'undefined',
  'NaN',
  '\ufeff{}',
  '['.repeat(100_000),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  '{"__proto__":{"type":"UPDATE"},"constructor":{"prototype":{}}}',
  '{"type":"UPDATE","type":{},"record":[]}',
  '{"\\ud800":"\\udfff\\u0000"}',
  `{"limit":${'9'.repeat(400)}}`,
  `"${marker.repeat(1000)}"`,
);

const json = fc
  .jsonValue({ maxDepth: 4, stringUnit: 'binary' })
  .map((value) => JSON.stringify(value));

/** Bodies that nobody sends by mistake. */
export const anyBody: fc.Arbitrary<Buffer> = fc.oneof(
  hurtful.map((text) => Buffer.from(text)),
  json.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 400_000 }).map((bytes) => Buffer.alloc(bytes, ' ')),
);

/** A JSON object with one or two of its values, at whatever depth, replaced or missing. */
export const mutated = (value: object): fc.Arbitrary<Buffer> => {
  const paths = [...pathsOf(value)];
  const change = fc.tuple(
    fc.constantFrom(...paths),
    fc.oneof(
      fc.constant(undefined),
      fc.constantFrom<unknown>(null, 0, '', [], {}, marker, `../${marker}`, '\u0000', 2 ** 53),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  );
  return fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const copy = structuredClone(value);
    for (const [path, replacement] of changes) replace(copy, path, replacement);
    return Buffer.from(JSON.stringify(copy));
  });
};

function* pathsOf(value: object, path: string[] = []): Generator<string[]> {
  for (const [key, inner] of Object.entries(value)) {
    yield [...path, key];
    if (typeof inner === 'object' && inner !== null) yield* pathsOf(inner, [...path, key]);
  }
}

function replace(value: object, [key = '', ...rest]: string[], replacement: unknown): void {
  const holder = value as Record<string, unknown>;
  const inner = holder[key];
  if (rest.length === 0) holder[key] = replacement;
  else if (typeof inner === 'object' && inner !== null) replace(inner, rest, replacement);
}
