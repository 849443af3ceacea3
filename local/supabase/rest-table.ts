import type pg from 'pg';
import { DatabaseError } from 'pg';
import { HttpError } from './http.ts';
import { identifier, page, selectList, where } from './rest-query.ts';

export interface Asked {
  method: string;
  parameters: URLSearchParams;
  /** The `Prefer` header. */
  prefer: string;
  body: unknown;
}

export interface Result {
  status: number;
  /** JSON text; undefined for an answer without a body. */
  json?: string;
  /** True where `json` is an array of rows. */
  isSet: boolean;
  rows: number;
  total?: number;
  offset?: number;
}

/** Wraps a query so that the database itself writes the JSON: numbers and times look as PostgREST's do. */
const asJson = (query: string): string =>
  `select coalesce(json_agg(_shown), '[]')::text as json, count(*)::int as rows from (${query}) as _shown`;

export async function read(client: pg.PoolClient, table: string, asked: Asked): Promise<Result> {
  const { parameters } = asked;
  const values: unknown[] = [];
  const from = `from ${table}${where(parameters, values)}`;
  const query = `select ${selectList(parameters.get('select'))} ${from}${page(parameters)}`;
  const [{ json, rows }] = (await client.query(asJson(query), values)).rows;
  const offset = Number(parameters.get('offset') ?? 0);
  const result: Result = { status: 200, json, isSet: true, rows, offset };
  if (!asked.prefer.includes('count=')) return result;
  const [{ total }] = (await client.query(`select count(*)::int as total ${from}`, values)).rows;
  return { ...result, total, status: rows < total ? 206 : 200 };
}

/** Runs a writing statement; its rows come back only where the request prefers to see them. */
async function write(
  client: pg.PoolClient,
  asked: Asked,
  statement: string,
  values: unknown[],
): Promise<Pick<Result, 'json' | 'rows'>> {
  if (!asked.prefer.includes('return=representation')) {
    return { rows: (await client.query(statement, values)).rowCount ?? 0 };
  }
  const returning = `returning ${selectList(asked.parameters.get('select'))}`;
  const query = `with _written as (${statement} ${returning}) ${asJson('select * from _written')}`;
  return (await client.query(query, values)).rows[0];
}

/** PostgREST knows the columns beforehand and has words of its own for one that is not there. */
function explainColumn(error: unknown): never {
  if (error instanceof DatabaseError && error.code === '42703') {
    const [, column, table] = /column "(.+)" of relation "(.+)" does/.exec(error.message) ?? [];
    if (column !== undefined)
      throw new HttpError(400, {
        code: 'PGRST204',
        details: null,
        hint: null,
        message: `Could not find the '${column}' column of '${table}' in the schema cache`,
      });
  }
  throw error;
}

const namesOf = (row: unknown): string[] => Object.keys(row ?? {});

function columnsOf(asked: Asked): string[] {
  const given = asked.parameters.get('columns');
  if (given !== null) return given.split(',').map((name) => name.replace(/^"(.*)"$/, '$1'));
  return namesOf(Array.isArray(asked.body) ? asked.body[0] : asked.body);
}

function onConflict(asked: Asked, columns: string[]): string {
  const target = asked.parameters.get('on_conflict');
  if (!asked.prefer.includes('resolution=')) return '';
  if (target === null)
    throw new HttpError(400, { message: 'The local gateway needs onConflict for an upsert' });
  const key = target.split(',').map(identifier).join(', ');
  const updates = columns.map((name) => `${identifier(name)} = excluded.${identifier(name)}`);
  const isMerge = asked.prefer.includes('resolution=merge-duplicates');
  return ` on conflict (${key}) do ${isMerge ? `update set ${updates.join(', ')}` : 'nothing'}`;
}

export async function insert(client: pg.PoolClient, table: string, asked: Asked): Promise<Result> {
  const columns = columnsOf(asked);
  const list = columns.map(identifier).join(', ');
  const rows = JSON.stringify(Array.isArray(asked.body) ? asked.body : [asked.body]);
  if (columns.length === 0 && rows === '[]')
    return { status: 201, json: '[]', isSet: true, rows: 0 };
  const statement =
    columns.length === 0
      ? `insert into ${table} default values`
      : `insert into ${table} (${list}) select ${list} from json_populate_recordset(null::${table}, $1)${onConflict(asked, columns)}`;
  const values = columns.length === 0 ? [] : [rows];
  const written = await write(client, asked, statement, values).catch(explainColumn);
  return { status: 201, isSet: true, ...written };
}

const statusOf = (asked: Asked): number =>
  asked.prefer.includes('return=representation') ? 200 : 204;

export async function change(client: pg.PoolClient, table: string, asked: Asked): Promise<Result> {
  const values: unknown[] = [JSON.stringify(asked.body)];
  const filters = where(asked.parameters, values);
  const set = namesOf(asked.body).map(
    (name) =>
      `${identifier(name)} = (json_populate_record(null::${table}, $1)).${identifier(name)}`,
  );
  const statement = `update ${table} set ${set.join(', ')}${filters}`;
  const written = await write(client, asked, statement, values).catch(explainColumn);
  return { status: statusOf(asked), isSet: true, ...written };
}

export async function remove(client: pg.PoolClient, table: string, asked: Asked): Promise<Result> {
  const values: unknown[] = [];
  const statement = `delete from ${table}${where(asked.parameters, values)}`;
  return {
    status: statusOf(asked),
    isSet: true,
    ...(await write(client, asked, statement, values)),
  };
}
