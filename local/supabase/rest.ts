import type { IncomingMessage, ServerResponse } from 'node:http';
import type pg from 'pg';
import { HttpError, readJson } from './http.ts';
import type { Caller } from './keys.ts';
import { restError } from './rest-error.ts';
import { callFunction } from './rest-function.ts';
import { identifier } from './rest-query.ts';
import { type Asked, change, insert, type Result, read, remove } from './rest-table.ts';
import { asCaller } from './session.ts';

const object = 'application/vnd.pgrst.object+json';

function pickOne(result: Result): Result {
  if (!result.isSet || result.json === undefined) return result;
  if (result.rows === 1) return { ...result, json: result.json.trim().slice(1, -1) };
  throw new HttpError(406, {
    code: 'PGRST116',
    details: `The result contains ${result.rows} rows`,
    hint: null,
    message: 'JSON object requested, multiple (or no) rows returned',
  });
}

function runOnTable(client: pg.PoolClient, path: string, asked: Asked): Promise<Result> {
  const name = identifier(path);
  const named = { table: `public.${name}`, name };
  switch (asked.method) {
    case 'GET':
    case 'HEAD':
      return read(client, named, asked);
    case 'POST':
      return insert(client, named, asked);
    case 'PATCH':
      return change(client, named, asked);
    case 'DELETE':
      return remove(client, named, asked);
    default:
      throw new HttpError(405, { code: 'PGRST117', message: `Unsupported method ${asked.method}` });
  }
}

function contentRange({ rows, offset = 0, total }: Result): string {
  return `${rows === 0 ? '*' : `${offset}-${offset + rows - 1}`}/${total ?? '*'}`;
}

/** `/rest/v1/<table>` and `/rest/v1/rpc/<function>` as PostgREST 12 answers them; the contract test compares the two. */
export async function serveRest(
  pool: pg.Pool,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  parameters: URLSearchParams,
): Promise<void> {
  const method = request.method ?? 'GET';
  const isRead = method === 'GET' || method === 'HEAD';
  const asked: Asked = {
    method,
    parameters,
    prefer: String(request.headers.prefer ?? ''),
    body: isRead ? undefined : await readJson(request),
  };
  const wantsOne = request.headers.accept?.includes(object) === true;
  const run = async (client: pg.PoolClient): Promise<Result> => {
    const result = path.startsWith('rpc/')
      ? await callFunction(client, path.slice('rpc/'.length), asked)
      : await runOnTable(client, path, asked);
    return wantsOne ? pickOne(result) : result;
  };
  const result = await asCaller(pool, caller, run, { readOnly: isRead }).catch((error) => {
    throw restError(error, caller.role);
  });
  response.setHeader('content-range', contentRange(result));
  const type = wantsOne ? object : 'application/json';
  if (result.json !== undefined) response.setHeader('content-type', `${type}; charset=utf-8`);
  response.writeHead(result.status).end(method === 'HEAD' ? undefined : result.json);
}
