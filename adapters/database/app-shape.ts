import { migrationPart } from './migration-part.ts';
import type { Reader } from './reader.ts';

export interface Column {
  name: string;
  type: string;
  isNullable: boolean;
  isGenerated: boolean;
  /** Of an enum. */
  labels: string[] | null;
}

export const readColumns = (read: Reader, table: string): Promise<Column[]> =>
  read<Column>(
    `select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
       not a.attnotnull as "isNullable", a.attgenerated <> '' as "isGenerated",
       (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum as e
        where e.enumtypid = a.atttypid) as labels
     from pg_attribute as a
     where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
     order by a.attnum`,
    [table],
  );

/** Why the archiver does not fit the app's table of tracks: what the first migration asks before it changes anything. */
export async function readMisfits(read: Reader): Promise<string[]> {
  const query = migrationPart(
    'adoption',
    "select string_agg(problem, '; ' order by problem) into _problems\n  from (",
    ') as found;',
  );
  const rows = await read<{ problem: string }>(
    `select problem from (${query}) as found order by problem`,
  );
  return rows.map(({ problem }) => problem);
}
