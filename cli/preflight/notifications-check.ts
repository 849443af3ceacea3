import { readColumns } from '../../adapters/database/app-shape.ts';
import { migrationPart } from '../../adapters/database/migration-part.ts';
import type { Reader } from '../../adapters/database/reader.ts';
import type { App } from './app.ts';
import { ok, type PreflightCheck, warning } from './check.ts';
import { literal } from './words.ts';

interface Constraint {
  name: string;
  kind: 'c' | 'f';
  expression: string | null;
  definition: string;
  /** Of a foreign key: the table and the column that it leads to. */
  target: string | null;
  key: string | null;
}

/** Without writing a row: what the table says of its column `type`. */
export const notificationsCheck: PreflightCheck = {
  name: 'owners can be notified',
  async run(app) {
    const columns = await readColumns(app.read, 'public.notifications');
    if (columns.length === 0) {
      return warning(
        'there is no table public.notifications: no owner hears that a track could not be saved',
        'create it with user_id, type, title, message and link, or read the failed jobs yourself',
      );
    }
    const missing = ['user_id', 'type', 'title', 'message', 'link'].filter(
      (name) => !columns.some((column) => column.name === name),
    );
    if (missing.length > 0) {
      return warning(
        `public.notifications has no column ${missing.join(', ')}: no owner can be told`,
        'add the columns, or a view of that shape with a trigger that writes to the app’s own table',
      );
    }
    const [failed, saved] = await readTypes(app);
    const refusals = new Map<string, string>();
    const labels = columns.find(({ name }) => name === 'type')?.labels;
    for (const type of new Set([failed, saved])) {
      const refusal =
        labels && !labels.includes(type)
          ? `its values are ${labels.join(', ')}`
          : await refusedBy(app.read, type);
      if (refusal !== undefined) refusals.set(type, refusal);
    }
    if (refusals.size === 0)
      return ok(`public.notifications takes the types ${failed} and ${saved}`);
    const takes = labels ?? (await literalsOf(app.read));
    const fitting = (...wanted: string[]) =>
      wanted.find((each) => takes.includes(each)) ?? takes[0] ?? '…';
    const failedFits = refusals.has(failed) ? fitting('error', 'alert', 'system') : failed;
    const savedFits = refusals.has(saved) ? fitting('info', 'system', 'track') : saved;
    return warning(
      `public.notifications refuses the type ${[...refusals.keys()].join(' and ')}: no owner would be told`,
      `after connecting: update public.track_archiving_settings set failed_type = ${literal(failedFits)}, saved_type = ${literal(savedFits)}`,
      [...refusals].map(([type, why]) => `${type}: ${why}`),
    );
  },
};

async function readTypes({ read, isInstalled }: App): Promise<[string, string]> {
  if (!isInstalled) {
    const initial = (name: string) =>
      migrationPart('settings', `${name} text not null default '`, "'");
    return [initial('failed_type'), initial('saved_type')];
  }
  const [row] = await read<{ failed: string; saved: string }>(
    'select failed_type as failed, saved_type as saved from public.track_archiving_settings',
  );
  return [row?.failed ?? '', row?.saved ?? ''];
}

const readConstraints = (read: Reader): Promise<Constraint[]> =>
  read<Constraint>(
    `select c.conname::text as name, c.contype as kind, pg_get_expr(c.conbin, c.conrelid) as expression,
       pg_get_constraintdef(c.oid) as definition, nullif(c.confrelid, 0)::regclass::text as target,
       (select quote_ident(k.attname) from pg_attribute as k
        where k.attrelid = c.confrelid and k.attnum = c.confkey[1]) as key
     from pg_constraint as c
     join pg_attribute as a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
     where c.conrelid = 'public.notifications'::regclass and c.contype in ('c', 'f') and a.attname = 'type'`,
  );

async function refusedBy(read: Reader, type: string): Promise<string | undefined> {
  for (const { name, kind, expression, definition, target, key } of await readConstraints(read)) {
    const query =
      kind === 'c'
        ? `select (${expression}) is not false as takes from (select $1::text as type) as n`
        : `select exists (select from ${target} as r where r.${key}::text = $1) as takes`;
    // One that cannot be tried, such as of another type, is left to the doctor, which tries to insert.
    const [row] = await read<{ takes: boolean }>(query, [type]).catch(() => []);
    if (row?.takes === false) return `${name} ${definition}`;
  }
  return undefined;
}

async function literalsOf(read: Reader): Promise<string[]> {
  const found = await readConstraints(read);
  const words: string[] = [];
  for (const { kind, definition, target, key } of found) {
    if (kind === 'c')
      words.push(...[...definition.matchAll(/'([^']+)'/g)].map(([, word = '']) => word));
    else {
      const rows = await read<{ word: string }>(
        `select ${key}::text as word from ${target} limit 50`,
      );
      words.push(...rows.map(({ word }) => word));
    }
  }
  return words;
}
