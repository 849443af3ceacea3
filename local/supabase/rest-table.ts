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

export interface Table {
  /** Quoted, with its schema. */
  table: string;
  /** Quoted, without. */
  name: string;
}

export interface Result {
  status: number;
  /** JSON text; undefined for a response without a body. */
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

export async function read(
  client: pg.PoolClient,
  { table, name }: Table,
  asked: Asked,
): Promise<Result> {
  const { parameters } = asked;
  const values: unknown[] = [];
  const from = `from ${table}${where(name, parameters, values)}`;
  const query = `select ${selectList(name, parameters.get('select'))} ${from}${page(name, parameters)}`;
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
  name: string,
  asked: Asked,
  statement: string,
  values: unknown[],
): Promise<Pick<Result, 'json' | 'rows'>> {
  if (!asked.prefer.includes('return=representation')) {
    return { rows: (await client.query(statement, values)).rowCount ?? 0 };
  }
  const returning = `returning ${selectList(name, asked.parameters.get('select'))}`;
  const query = `with _written as (${statement} ${returning}) ${asJson('select * from _written')}`;
  return (await client.query(query, values)).rows[0];
}

/** PostgREST knows the columns beforehand and has words of its own for one that is not there. */
function explainColumn(error: unknown): never {
  if (error instanceof DatabaseError && error.code === '42703') {
    const [, column, table] =
      /column "(.+)" (?:of relation|not found in data type) "?([^"]+)"?/.exec(error.message) ?? [];
    if (column !== undefined)
      throw new HttpError(400, {
        code: 'PGRST204',
        details: null,
        hint: null,
        message: `Column '${column}' of relation '${table}' does not exist`,
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

export async function insert(
  client: pg.PoolClient,
  { table, name }: Table,
  asked: Asked,
): Promise<Result> {
  if (asked.prefer.includes('resolution='))
    throw new HttpError(400, { message: 'The local gateway does not serve upserts of rows' });
  const columns = columnsOf(asked);
  const list = columns.map(identifier).join(', ');
  const rows = JSON.stringify(Array.isArray(asked.body) ? asked.body : [asked.body]);
  if (columns.length === 0 && rows === '[]')
    return { status: 201, json: '[]', isSet: true, rows: 0 };
  const statement =
    columns.length === 0
      ? `insert into ${table} default values`
      : `insert into ${table} (${list}) select ${list} from json_populate_recordset(null::${table}, $1)`;
  const values = columns.length === 0 ? [] : [rows];
  const written = await write(client, name, asked, statement, values).catch(explainColumn);
  return { status: 201, isSet: true, ...written };
}

const statusOf = (asked: Asked): number =>
  asked.prefer.includes('return=representation') ? 200 : 204;

export async function change(
  client: pg.PoolClient,
  { table, name }: Table,
  asked: Asked,
): Promise<Result> {
  const values: unknown[] = [JSON.stringify(asked.body)];
  const filters = where(name, asked.parameters, values);
  const set = namesOf(asked.body).map(
    (column) =>
      `${identifier(column)} = (json_populate_record(null::${table}, $1)).${identifier(column)}`,
  );
  const statement = `update ${table} set ${set.join(', ')}${filters}`;
  const written = await write(client, name, asked, statement, values).catch(explainColumn);
  return { status: statusOf(asked), isSet: true, ...written };
}

export async function remove(
  client: pg.PoolClient,
  { table, name }: Table,
  asked: Asked,
): Promise<Result> {
  const values: unknown[] = [];
  const statement = `delete from ${table}${where(name, asked.parameters, values)}`;
  return {
    status: statusOf(asked),
    isSet: true,
    ...(await write(client, name, asked, statement, values)),
  };
}
