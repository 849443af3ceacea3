import pg from 'pg';
import { HttpError } from './http.ts';

const identifier = (name: string): string => pg.escapeIdentifier(name);

export { identifier };

export function parseError(message: string, details: string | null = null): HttpError {
  return new HttpError(400, { code: 'PGRST100', details, hint: null, message });
}

/** Splits at commas outside of quotes and parentheses: `a,"b,c",in.(1,2)`. */
function splitList(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"|\((?:"(?:\\.|[^"\\])*"|[^)])*\)|[^,])+/g) ?? [];
}

const unquote = (text: string): string =>
  /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;

/** `table.column`, or `table.column->key->>key` for JSON. */
function expression(table: string, text: string): string {
  const [column = '', ...path] = text.split(/(->>?)/);
  let sql = `${table}.${identifier(unquote(column))}`;
  for (let index = 0; index < path.length; index += 2) {
    const key = path[index + 1] ?? '';
    sql += `${path[index]}${/^-?\d+$/.test(key) ? key : pg.escapeLiteral(key)}`;
  }
  return sql;
}

/** PostgREST's `select`, of a table or alias that is quoted where need be: columns, `alias:column`, `column::type`, JSON paths. No embedded tables. */
export function selectList(table: string, text: string | null): string {
  const items = splitList(text?.trim() || '*');
  return items
    .map((item) => {
      if (item.trim() === '*') return `${table}.*`;
      const match = /^(?:([^:()]+):(?!:))?([^:()]+)(?:::([a-z0-9_ ]+))?$/.exec(item.trim());
      if (match === null) throw parseError(`The local gateway cannot select ${item}`);
      const [, alias, source = '', type] = match;
      const name = alias ?? source.split(/->>?/).at(-1) ?? source;
      const value =
        type === undefined ? expression(table, source) : `(${expression(table, source)})::${type}`;
      return `${value} as ${identifier(name)}`;
    })
    .join(', ');
}

const comparisons: Record<string, string> = {
  eq: '=',
  neq: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  like: 'like',
  ilike: 'ilike',
};
const isWords = ['null', 'not_null', 'true', 'false', 'unknown'];

/** One filter, `[not.]operator.value`; values become parameters. */
function condition(left: string, filter: string, values: unknown[]): string {
  const [, not, operator = '', value = ''] = /^(not\.)?([a-z]+)\.(.*)$/s.exec(filter) ?? [];
  const comparison = comparisons[operator];
  let sql: string;
  if (operator === 'is' && isWords.includes(value.toLowerCase())) {
    sql = `${left} is ${value.replace('_', ' ')}`;
  } else if (operator === 'in' && /^\(.*\)$/s.test(value)) {
    sql = `${left} = any($${values.push(splitList(value.slice(1, -1)).map(unquote))})`;
  } else if (comparison !== undefined) {
    const given = operator.endsWith('like') ? value.replaceAll('*', '%') : value;
    sql = `${left} ${comparison} $${values.push(given)}`;
  } else {
    throw parseError(`"failed to parse filter (${filter})" (line 1, column 1)`);
  }
  return not ? `not (${sql})` : sql;
}

const reserved = new Set(['select', 'order', 'limit', 'offset', 'columns', 'on_conflict']);

/** ` where …` of every parameter that is not reserved, or nothing. */
export function where(
  table: string,
  parameters: URLSearchParams,
  values: unknown[],
  skip: string[] = [],
): string {
  const conditions: string[] = [];
  for (const [name, filter] of parameters) {
    if (reserved.has(name) || skip.includes(name)) continue;
    if (name === 'or' || name === 'and') {
      const parts = splitList(filter.slice(1, -1)).map((part) => {
        const dot = part.indexOf('.');
        return condition(expression(table, part.slice(0, dot)), part.slice(dot + 1), values);
      });
      conditions.push(`(${parts.join(` ${name} `)})`);
    } else {
      conditions.push(condition(expression(table, name), filter, values));
    }
  }
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
}

function orderTerm(table: string, term: string): string {
  const [column = '', ...words] = term.split('.');
  const known: Record<string, string> = {
    asc: 'asc',
    desc: 'desc',
    nullsfirst: 'nulls first',
    nullslast: 'nulls last',
  };
  const sql = words.map((word) => {
    const found = known[word];
    if (found === undefined) throw parseError(`"failed to parse order (${term})"`);
    return found;
  });
  return [expression(table, column), ...sql].join(' ');
}

const count = (name: string, text: string): string => {
  if (!/^\d+$/.test(text)) throw parseError(`"failed to parse ${name} (${text})"`);
  return ` ${name} ${text}`;
};

/** ` order by … limit … offset …` */
export function page(table: string, parameters: URLSearchParams): string {
  const order = parameters.get('order');
  const limit = parameters.get('limit');
  const offset = parameters.get('offset');
  return [
    order
      ? ` order by ${splitList(order)
          .map((term) => orderTerm(table, term))
          .join(', ')}`
      : '',
    limit === null ? '' : count('limit', limit),
    offset === null ? '' : count('offset', offset),
  ].join('');
}
