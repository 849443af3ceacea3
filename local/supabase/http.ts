import type { IncomingMessage, ServerResponse } from 'node:http';

/** A response other than the one hoped for: its status and its JSON body. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly body: Record<string, unknown>;

  constructor(status: number, body: Record<string, unknown>) {
    super(String(body.message));
    this.status = status;
    this.body = body;
  }
}

const maxJsonBytes = 8 * 1024 * 1024;

/** The whole body as text: for JSON only, never for files. */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxJsonBytes) throw new HttpError(413, { message: 'Payload too large' });
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for an empty body; a 400 as PostgREST words it where it is not JSON. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    const message = 'Empty or invalid json';
    throw new HttpError(400, { code: 'PGRST102', details: null, hint: null, message });
  }
}

export function sendJson(response: ServerResponse, status: number, body?: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(body === undefined ? undefined : text);
}
