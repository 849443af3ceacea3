import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { storageError } from './storage-error.ts';
import type { Store } from './storage-upload.ts';

export interface StoredObject {
  id: string;
  name: string;
  bucket_id: string;
  version: string;
  created_at: Date;
  updated_at: Date;
  user_metadata: unknown;
  metadata: {
    eTag: string;
    size: number;
    mimetype: string;
    cacheControl: string;
    lastModified: string;
  };
}

/** One range of a `Range` header as first and last byte; undefined where there is none to honour. */
function parseRange(header: string | undefined, size: number): [number, number] | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last || first >= size)
    throw storageError(416, 'InvalidRange', 'The requested range cannot be satisfied');
  return [first, last];
}

/** GET and HEAD of the bytes: whole, one range (206), or 304 where the caller has them already. */
export async function sendObject(
  store: Store,
  object: StoredObject,
  request: IncomingMessage,
  response: ServerResponse,
  parameters: URLSearchParams,
): Promise<void> {
  const { size, mimetype, eTag, cacheControl, lastModified } = object.metadata;
  const headers: Record<string, string | number> = {
    'accept-ranges': 'bytes',
    'cache-control': cacheControl,
    'content-type': mimetype,
    etag: eTag,
    'last-modified': new Date(lastModified).toUTCString(),
  };
  const download = parameters.get('download');
  if (download !== null) {
    const name = encodeURIComponent(download || (object.name.split('/').at(-1) ?? ''));
    headers['content-disposition'] = `attachment; filename=${name}; filename*=UTF-8''${name};`;
  }
  if (request.headers['if-none-match'] === eTag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = parseRange(request.headers.range, size);
  const [first, last] = range ?? [0, size - 1];
  headers['content-length'] = last - first + 1;
  if (range !== undefined) headers['content-range'] = `bytes ${first}-${last}/${size}`;
  response.writeHead(range === undefined ? 200 : 206, headers);
  if (request.method === 'HEAD' || size === 0) response.end();
  else {
    const file = createReadStream(join(store.directory, object.version), {
      start: first,
      end: last,
    });
    await pipeline(file, response);
  }
}

/** The response of `/object/info/…`. */
export function describeObject(object: StoredObject): Record<string, unknown> {
  const { size, mimetype, eTag, cacheControl, lastModified } = object.metadata;
  return {
    id: object.id,
    name: object.name,
    version: object.version,
    bucket_id: object.bucket_id,
    size,
    content_type: mimetype,
    cache_control: cacheControl,
    etag: eTag,
    metadata: object.user_metadata,
    last_modified: lastModified,
    created_at: object.created_at,
  };
}
