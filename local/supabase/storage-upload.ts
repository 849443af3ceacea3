import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import type { Caller } from './keys.ts';
import { asCaller } from './session.ts';
import { bucketNotFound, storageError } from './storage-error.ts';

export interface Store {
  pool: pg.Pool;
  /** One file a version, named after `storage.objects.version`; a replaced one is removed. */
  directory: string;
}

interface Bucket {
  file_size_limit: string | null;
  allowed_mime_types: string[] | null;
}

const tooLarge = () =>
  storageError(
    413,
    'EntityTooLarge',
    'The object exceeded the maximum allowed size',
    'Payload too large',
  );

function checkType(type: string, allowed: string[] | null): void {
  const plain = type.split(';')[0]?.trim().toLowerCase() ?? '';
  const matches = (pattern: string) =>
    pattern.endsWith('/*') ? plain.startsWith(pattern.slice(0, -1)) : plain === pattern;
  if (allowed === null || allowed.length === 0 || allowed.some(matches)) return;
  const message = `mime type ${type} is not supported`;
  throw storageError(415, 'InvalidMimeType', message, 'invalid_mime_type');
}

/** Writes the body to a temporary file; a broken connection or a body over the limit leaves nothing. */
async function receive(request: IncomingMessage, path: string, limit: number) {
  const hash = createHash('md5');
  let size = 0;
  try {
    await pipeline(
      // Left undestroyed after a refusal: the response goes out over the same connection.
      request.iterator({ destroyOnReturn: false }),
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > limit) throw tooLarge();
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path),
    );
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { size, eTag: `"${hash.digest('hex')}"` };
}

const insertObject = `
  insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)
  values ($1, $2, $3, $4, $5, $6, $7)`;
const replaceObject = `${insertObject}
  on conflict (bucket_id, name collate "C") where archived_at is null do update set
    owner = excluded.owner, owner_id = excluded.owner_id, version = excluded.version,
    metadata = excluded.metadata, user_metadata = excluded.user_metadata`;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function userMetadata(request: IncomingMessage): unknown {
  const header = request.headers['x-metadata'];
  if (typeof header !== 'string') return null;
  return JSON.parse(Buffer.from(header, 'base64').toString());
}

/**
 * Stores the raw body of a POST or PUT. As the real server does, it tries the row as the caller first and
 * takes that back, then receives the bytes, then writes the row as itself: two uploads without `x-upsert`
 * that cross both succeed.
 */
export async function upload(
  store: Store,
  caller: Caller,
  request: IncomingMessage,
  bucketId: string,
  name: string,
): Promise<{ Key: string; Id: string }> {
  const { pool } = store;
  const found = await pool.query<Bucket>('select * from storage.buckets where id = $1', [bucketId]);
  const bucket = found.rows[0];
  if (bucket === undefined) throw bucketNotFound();
  const type = String(request.headers['content-type'] ?? 'application/octet-stream');
  if (type.startsWith('multipart/'))
    throw storageError(
      400,
      'NotSupported',
      'The local gateway takes raw bodies only, no multipart',
    );
  checkType(type, bucket.allowed_mime_types);
  const limit = Number(bucket.file_size_limit ?? Number.POSITIVE_INFINITY);

  const replaces = request.method === 'PUT' || request.headers['x-upsert'] === 'true';
  const version = randomUUID();
  const subject = typeof caller.claims.sub === 'string' ? caller.claims.sub : null;
  const owner = subject !== null && uuid.test(subject) ? subject : null;
  const values = [bucketId, name, owner, subject, version];
  const statement = replaces ? replaceObject : insertObject;
  const test = [...values, null, null];
  await asCaller(pool, caller, (client) => client.query(statement, test), { rollBack: true });

  const partial = join(store.directory, `${version}.partial`);
  const { size, eTag } = await receive(request, partial, limit);
  const metadata = {
    eTag,
    size,
    mimetype: type,
    cacheControl: request.headers['cache-control'] ?? 'no-cache',
    lastModified: new Date().toISOString(),
    contentLength: size,
    httpStatusCode: 200,
  };
  await rename(partial, join(store.directory, version));
  const row = [...values, metadata, userMetadata(request)];
  const written = await pool.query(
    `with old as (select version from storage.objects where bucket_id = $1 and name = $2)
     ${replaceObject} returning id, (select version from old) as replaced`,
    row,
  );
  const { id, replaced } = written.rows[0];
  if (replaced !== null) await rm(join(store.directory, replaced), { force: true });
  return { Key: `${bucketId}/${name}`, Id: id };
}
