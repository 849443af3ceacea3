import type pg from 'pg';
import { HttpError } from './http.ts';
import { identifier, page, selectList, where } from './rest-query.ts';
import type { Asked, Result } from './rest-table.ts';

interface Signature {
  arguments: { name: string; type: string; required: boolean }[];
  returnsSet: boolean;
  returnsRow: boolean;
  returnsVoid: boolean;
}

/** Every function of that name in public, as PostgREST's schema cache knows it. */
async function signatures(client: pg.PoolClient, name: string): Promise<Signature[]> {
  const { rows } = await client.query(
    `select
       coalesce((
         select json_agg(json_build_object(
           'name', p.proargnames[position],
           'type', format_type(p.proargtypes[position - 1], null),
           'required', position <= p.pronargs - p.pronargdefaults) order by position)
         from generate_series(1, p.pronargs) as position), '[]') as arguments,
       p.proretset as "returnsSet",
       r.typtype = 'c' or r.typname = 'record' as "returnsRow",
       r.typname = 'void' as "returnsVoid"
     from pg_proc p
     join pg_type r on r.oid = p.prorettype
     where p.pronamespace = 'public'::regnamespace and p.proname = $1 and p.prokind = 'f'`,
    [name],
  );
  return rows;
}

function choose(name: string, found: Signature[], given: string[]): Signature {
  const match = found.find(
    (each) =>
      given.every((key) => each.arguments.some((argument) => argument.name === key)) &&
      each.arguments.every((argument) => !argument.required || given.includes(argument.name)),
  );
  if (match !== undefined) return match;
  const list = [...given].sort().join(', ');
  const [searched, looked] =
    given.length === 0
      ? [' without parameters', ' without parameters']
      : [` with parameters ${list}`, `(${list})`];
  throw new HttpError(404, {
    code: 'PGRST202',
    details: `Searched for the function public.${name}${searched} or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.`,
    hint: null,
    message: `Could not find the function public.${name}${looked} in the schema cache`,
  });
}

/** The arguments: the body of a POST, or those parameters of a GET that some function of that name takes. */
function givenArguments(asked: Asked, found: Signature[]): Record<string, unknown> {
  if (asked.method === 'POST') return { ...(asked.body as Record<string, unknown> | undefined) };
  const known = new Set(found.flatMap((each) => each.arguments.map((argument) => argument.name)));
  return Object.fromEntries([...asked.parameters].filter(([name]) => known.has(name)));
}

/**
 * Calls a function by its named arguments. A set comes back as an array, a row as an object, a scalar
 * as itself, void as 204.
 */
export async function callFunction(
  client: pg.PoolClient,
  name: string,
  asked: Asked,
): Promise<Result> {
  const found = await signatures(client, name);
  const given = givenArguments(asked, found);
  const signature = choose(name, found, Object.keys(given));
  const used = signature.arguments.filter((argument) => argument.name in given);
  const values: unknown[] = [JSON.stringify(given)];
  const columns = used.map((argument) => `${identifier(argument.name)} ${argument.type}`);
  const passed = used.map(({ name: each }) => `${identifier(each)} => _given.${identifier(each)}`);
  const source =
    used.length === 0
      ? '(select $1::json) as _given'
      : `json_to_record($1::json) as _given(${columns.join(', ')})`;
  const call = `public.${identifier(name)}(${passed.join(', ')})`;
  if (signature.returnsVoid) {
    await client.query(`select ${call} from ${source}`, values);
    return { status: 204, isSet: false, rows: 0 };
  }
  const { parameters } = asked;
  const isGet = asked.method !== 'POST';
  const select = selectList('pgrst_call', parameters.get('select'));
  const filters = where('pgrst_call', parameters, values, isGet ? Object.keys(given) : []);
  const query = signature.returnsRow
    ? `select ${select} from (select _row.* from ${source}, lateral ${call} as _row) as pgrst_call` +
      filters +
      page('pgrst_call', parameters)
    : `select pgrst_scalar as value from ${source}, lateral ${call} as pgrst_scalar`;
  const each = signature.returnsRow ? 'to_json(_shown)' : 'to_json(_shown.value)';
  const all = signature.returnsSet ? `coalesce(json_agg(${each}), '[]')` : `json_agg(${each}) -> 0`;
  const [row] = (
    await client.query(
      `select (${all})::text as json, count(*)::int as rows from (${query}) as _shown`,
      values,
    )
  ).rows;
  return { status: 200, isSet: signature.returnsSet, json: row.json ?? 'null', rows: row.rows };
}
