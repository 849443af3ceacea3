import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { HttpError, readJson, sendJson } from './http.ts';
import type { Caller } from './keys.ts';
import { asCaller } from './session.ts';
import { describeObject, type StoredObject, sendObject } from './storage-download.ts';
import { bucketNotFound, fromDatabase, objectNotFound, storageError } from './storage-error.ts';
import { type Store, upload } from './storage-upload.ts';

export interface StorageRequest {
  caller: Caller;
  request: IncomingMessage;
  response: ServerResponse;
  /** Behind `/storage/v1/`, still percent-encoded. */
  path: string;
  parameters: URLSearchParams;
}

/** What S3 calls safe; the Storage server refuses every other character, letters of other scripts too. */
const validKey = /^[\w/!\-.*'() &$@=;:+,?]+$/;

function objectName(encoded: string[]): string {
  const name = encoded.map(decodeURIComponent).join('/');
  if (!validKey.test(name)) throw storageError(400, 'InvalidKey', `Invalid key: ${name}`);
  return name;
}

const selectObject = 'select * from storage.objects where bucket_id = $1 and name = $2';

async function findPublic(store: Store, bucket: string, name: string): Promise<StoredObject> {
  const open = await store.pool.query('select from storage.buckets where id = $1 and public', [
    bucket,
  ]);
  if (open.rowCount === 0) throw bucketNotFound();
  const found = await store.pool.query<StoredObject>(selectObject, [bucket, name]);
  if (found.rows[0] === undefined) throw objectNotFound();
  return found.rows[0];
}

async function findAs(store: Store, caller: Caller, bucket: string, name: string) {
  const found = await asCaller(store.pool, caller, (client) =>
    client.query<StoredObject>(selectObject, [bucket, name]),
  );
  if (found.rows[0] === undefined) throw objectNotFound();
  return found.rows[0];
}

/** Deletes the rows that the caller may, then their files; the rest is passed over in silence. */
async function remove(store: Store, caller: Caller, bucket: string, names: string[]) {
  const gone = await asCaller(store.pool, caller, async (client) => {
    await client.query("select set_config('storage.allow_delete_query', 'true', true)");
    return client.query<StoredObject>(
      'delete from storage.objects where bucket_id = $1 and name = any($2) returning *',
      [bucket, names],
    );
  });
  for (const { version } of gone.rows) await rm(join(store.directory, version), { force: true });
  return gone.rows;
}

/** One level of a folder: objects as they are, folders by name alone. */
async function list(store: Store, caller: Caller, bucket: string, body: unknown) {
  const {
    prefix = '',
    limit = 100,
    offset = 0,
    search = '',
  } = { ...(body as object) } as Record<string, unknown>;
  const folder = String(prefix).replace(/\/+$/, '');
  const start = folder === '' ? '' : `${folder}/`;
  const found = await asCaller(store.pool, caller, (client) =>
    client.query(
      `select split_part(rest, '/', 1) as name,
         max(id::text) filter (where strpos(rest, '/') = 0) as id,
         max(updated_at) filter (where strpos(rest, '/') = 0) as updated_at,
         max(created_at) filter (where strpos(rest, '/') = 0) as created_at,
         max(last_accessed_at) filter (where strpos(rest, '/') = 0) as last_accessed_at,
         (array_agg(metadata) filter (where strpos(rest, '/') = 0))[1] as metadata
       from (select *, substr(name, length($2) + 1) as rest from storage.objects
             where bucket_id = $1 and starts_with(name, $2)) as below
       where split_part(rest, '/', 1) ilike '%' || $5 || '%'
       group by 1 order by 1 limit $3 offset $4`,
      [bucket, start, limit, offset, String(search)],
    ),
  );
  return found.rows;
}

async function serveBuckets({ pool }: Store, asked: StorageRequest, id: string | undefined) {
  const found = await asCaller(pool, asked.caller, (client) =>
    id === undefined
      ? client.query('select * from storage.buckets order by name')
      : client.query('select * from storage.buckets where id = $1', [decodeURIComponent(id)]),
  );
  if (id !== undefined && found.rowCount === 0) throw bucketNotFound();
  const numbered = found.rows.map((row) => ({
    ...row,
    file_size_limit: row.file_size_limit === null ? null : Number(row.file_size_limit),
  }));
  sendJson(asked.response, 200, id === undefined ? numbered : numbered[0]);
}

async function serveObjects(store: Store, asked: StorageRequest, segments: string[]) {
  const { caller, request, response, parameters } = asked;
  const method = request.method ?? 'GET';
  const isRead = method === 'GET' || method === 'HEAD';
  const [first = '', ...others] = segments;
  if (first === 'list' && method === 'POST') {
    const bucket = decodeURIComponent(others[0] ?? '');
    return sendJson(response, 200, await list(store, caller, bucket, await readJson(request)));
  }
  const isInfo = isRead && first === 'info';
  const rest = isInfo ? others : segments;
  const way = isRead && /^(public|authenticated)$/.test(rest[0] ?? '') ? rest[0] : undefined;
  const [encodedBucket = '', ...encodedName] = way === undefined ? rest : rest.slice(1);
  const bucket = decodeURIComponent(encodedBucket);
  if (method === 'DELETE' && encodedName.length === 0) {
    const { prefixes } = (await readJson(request)) as { prefixes: string[] };
    return sendJson(response, 200, await remove(store, caller, bucket, prefixes));
  }
  const name = objectName(encodedName);
  if (isRead) {
    const object =
      way === 'public'
        ? await findPublic(store, bucket, name)
        : await findAs(store, caller, bucket, name);
    if (isInfo) return sendJson(response, 200, describeObject(object));
    return sendObject(store, object, request, response, parameters);
  }
  if (method === 'POST' || method === 'PUT')
    return sendJson(response, 200, await upload(store, caller, request, bucket, name));
  if (method !== 'DELETE') throw new HttpError(405, { message: `Unsupported method ${method}` });
  const gone = await remove(store, caller, bucket, [name]);
  if (gone.length === 0) throw objectNotFound();
  return sendJson(response, 200, { message: 'Successfully deleted' });
}

/** `/storage/v1/…` as the Storage server answers supabase-js and plain HTTP. */
export async function serveStorage(store: Store, asked: StorageRequest): Promise<void> {
  const [kind, ...segments] = asked.path.split('/');
  try {
    if (kind === 'bucket' && asked.request.method === 'GET')
      await serveBuckets(store, asked, segments[0]);
    else if (kind === 'object') await serveObjects(store, asked, segments);
    else throw new HttpError(404, { statusCode: '404', error: 'Not Found', message: asked.path });
  } catch (error) {
    throw fromDatabase(error);
  }
}
